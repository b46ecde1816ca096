/**
 * Starts the executable of a runtime plugin: with little of moat's environment, in a session of its
 * own, so that Ctrl-C on the terminal is not its business and all that it starts ends with it.
 *
 * @module
 */

import { describeError, MoatError } from "../../errors.ts";

/** What every program needs to find others and its own files. */
const ENVIRONMENT = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR"];

/** An executable to start. */
export interface Executable {
  /** The plugin's id, for messages. */
  readonly id: string;
  /** Absolute path. */
  readonly program: string;
  /** Variables that its manifest names. */
  readonly variables: readonly string[];
  /** Of moat itself. */
  readonly env: Readonly<Record<string, string>>;
}

/** @throws MoatError naming the plugin when there is no such program */
export function startExecutable(
  { id, program, variables, env }: Executable,
): Deno.ChildProcess {
  const names = [...ENVIRONMENT, ...variables];
  const given = names.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]]]);
  try {
    return new Deno.Command(program, {
      env: Object.fromEntries(given),
      clearEnv: true,
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    throw new MoatError(`Cannot start plugin "${id}": ${describeError(error)}`, {
      cause: error,
      hint: `moat plugin remove ${id}`,
    });
  }
}

/** Ends it at once with all of its session that is left. Idempotent. */
export function endExecutable({ pid }: Deno.ChildProcess): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    // What is left of it may be another user's, as what sudo has started is.
    if (error instanceof Deno.errors.PermissionDenied) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
