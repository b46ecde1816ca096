/**
 * Removes a run with its record, logs and events.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import { recordEvent } from "../store/events.ts";
import { isOwned, takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { OpenRuntimes } from "./open_runtime.ts";
import { reapRun } from "./reap.ts";
import { removeRemains } from "./remove_remains.ts";
import { isLive } from "./states.ts";
import { stopRun } from "./stop_run.ts";

/** Options of {@linkcode destroyRun}. */
export interface DestroyRunOptions {
  readonly store: Store;
  /** Stop it first when it is live. */
  readonly force: boolean;
}

/** A live run that is destroyed gets no more time than this to end by itself. */
const FORCED_GRACE_MS = 2000;

/** Removes it; one event in the home's own log stays. @throws MoatError for a live run without force */
export async function destroyRun(
  context: Context,
  record: RunRecord,
  { store, force }: DestroyRunOptions,
): Promise<void> {
  const { id, name } = record;
  const files = runPaths(context.paths, id);
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  const state = store.getRun(id)?.state ?? record.state;
  if (isLive(state)) {
    const isDead = record.owner === "cli" && !(await isOwned(files));
    if (isDead) await reapRun(record, context, { store, runtimes });
    else if (force) await stopRun(context, record, { store, graceMs: FORCED_GRACE_MS });
    else {
      throw new MoatError(`Cannot destroy run "${name}": it is ${state}`, {
        hint: `moat destroy -f ${id}`,
      });
    }
  }
  await using ownership = await takeOwnership(files, { timeoutMs: 5000 });
  if (ownership === undefined) {
    throw new MoatError(`Cannot destroy run "${name}": its owner is still clearing it up`, {
      hint: `moat destroy -f ${id}`,
    });
  }
  if (record.plan.keep || store.journal(id).length > 0) {
    const runtime = await runtimes.get(record);
    const failures = await removeRemains({ store, record, runtime }, { byLabel: true });
    if (failures.length > 0) throw failures[0];
  }
  await forgetRun(context, record, { store });
}

/** Removes the record and the files of a run that has nothing else left. Its lock must be held. */
export async function forgetRun(
  { paths }: Pick<Context, "paths">,
  { id, name, project }: RunRecord,
  { store }: { readonly store: Store },
): Promise<void> {
  await recordEvent(paths, { type: "destroyed", run: id, name, project });
  await Deno.remove(runPaths(paths, id).directory, { recursive: true });
  store.deleteRun(id);
}
