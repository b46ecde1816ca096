/**
 * The run that a command is about.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { resolveRun } from "../store/resolve_run.ts";
import type { RunRecord } from "../store/run_record.ts";
import { Store } from "../store/store.ts";
import type { Arguments } from "./arguments.ts";

/** A run and the store it was found in. */
export interface FoundRun extends Disposable {
  readonly store: Store;
  readonly record: RunRecord;
}

/** Options of {@linkcode findRun}. */
export interface FindRunOptions {
  /** The command only looks: nothing is created or written. */
  readonly readOnly: boolean;
}

/**
 * Finds the run that the positional `run` names, else the newest of this directory, which is then
 * named on standard error. @throws UsageError when there is none
 */
export async function findRun(
  args: Pick<Arguments, "positional">,
  context: Pick<Context, "paths" | "cwd" | "stdio">,
  { readOnly }: FindRunOptions,
): Promise<FoundRun> {
  const query = args.positional("run");
  const existing = Store.openExisting(context.paths);
  if (existing === undefined) {
    const what = query === undefined ? "a run" : `run "${query}"`;
    throw new UsageError(`Cannot find ${what}: nothing was ever run here`, {
      hint: "moat run -- npm test",
    });
  }
  let store = existing;
  if (!readOnly) {
    existing[Symbol.dispose]();
    store = Store.open(context.paths);
  }
  try {
    const project = query === undefined ? await Deno.realPath(context.cwd) : undefined;
    const record = resolveRun(store, {
      ...(query === undefined ? {} : { query }),
      ...(project === undefined ? {} : { project }),
    });
    if (query === undefined) await context.stdio.error(`Run "${record.name}" (${record.id})\n`);
    return { store, record, [Symbol.dispose]: () => store[Symbol.dispose]() };
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}
