/**
 * Where moat keeps things. The home is shared with the Go tool: all of ours is below `store/`.
 *
 * Pure; nothing is created here.
 *
 * @module
 */

import { join } from "node:path";
import { UsageError } from "../errors.ts";

/** Paths of one MOAT_HOME. */
export interface Paths {
  /** MOAT_HOME or `~/.moat`. */
  readonly home: string;
  /** `config.yaml`, read only. */
  readonly config: string;
  readonly store: string;
  readonly database: string;
  /** Held by the daemon while it lives. */
  readonly daemonLock: string;
  /** The home's own event log. */
  readonly events: string;
  readonly runs: string;
}

/** Paths of one run. */
export interface RunPaths {
  readonly directory: string;
  /** Locked by the run's owner while it lives. */
  readonly owner: string;
  readonly events: string;
  /** Directory of the log's segments. */
  readonly logs: string;
}

/** Paths of the home that the environment names. @throws UsageError when HOME is needed and unset */
export function resolvePaths(env: Readonly<Record<string, string | undefined>>): Paths {
  const home = env.MOAT_HOME || (env.HOME ? join(env.HOME, ".moat") : undefined);
  if (home === undefined) {
    throw new UsageError(
      "Cannot tell where moat keeps its files: neither MOAT_HOME nor HOME is set",
      {
        hint: "Set HOME, or MOAT_HOME to a directory of your own",
      },
    );
  }
  const store = join(home, "store");
  return {
    home,
    config: join(home, "config.yaml"),
    store,
    database: join(store, "moat.db"),
    daemonLock: join(store, "daemon.lock"),
    events: join(store, "events.jsonl"),
    runs: join(store, "runs"),
  };
}

/** Paths of one run below the home. */
export function runPaths(paths: Paths, id: string): RunPaths {
  const directory = join(paths.runs, id);
  return {
    directory,
    owner: join(directory, "owner"),
    events: join(directory, "events.jsonl"),
    logs: join(directory, "logs"),
  };
}
