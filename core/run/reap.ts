/**
 * Clears up behind owners that died: takes the free lock, stops what runs, removes what is left.
 *
 * Used by commands that change things and by the daemon; commands that only look never do.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { ensureDaemon } from "../daemon/ensure_daemon.ts";
import { describeError } from "../errors.ts";
import { recordEvent } from "../store/events.ts";
import { isOwned, takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { reviewGuarded } from "./guard_project.ts";
import { OpenRuntimes } from "./open_runtime.ts";
import { changeState, type OwnedRun } from "./owned_run.ts";
import { removeRemains } from "./remove_remains.ts";
import { isLive } from "./states.ts";

/** Options of {@linkcode reapRun}. */
export interface ReapOptions {
  readonly store: Store;
  readonly runtimes: OpenRuntimes;
  /** @default "its owner died" */
  readonly reason?: string;
}

/** What {@linkcode reapDeadRuns} did. */
export interface Reaped {
  readonly runs: readonly RunRecord[];
  /** Runs that could not be cleared up, such as when their engine does not answer. */
  readonly failures: readonly { readonly run: RunRecord; readonly reason: string }[];
}

/**
 * Clears up one run; returns false when somebody owns it. @throws what went wrong, with the rest
 * still in the journal
 */
export async function reapRun(
  { id }: Pick<RunRecord, "id">,
  context: Pick<Context, "paths">,
  { store, runtimes, reason = "its owner died" }: ReapOptions,
): Promise<boolean> {
  const files = runPaths(context.paths, id);
  await using ownership = await takeOwnership(files);
  if (ownership === undefined) return false;
  const record = store.getRun(id);
  if (record === undefined || isDaemons(record)) return false;
  const runtime = await runtimes.get(record);
  const run: OwnedRun = { record, store, paths: context.paths, files, runtime, ownership };
  if (isLive(record.state)) {
    await changeState(run, {
      to: "failed",
      patch: { finishedAt: new Date().toISOString(), reason },
    });
  }
  const failures = await removeRemains(run, { byLabel: true });
  await recordEvent(files, { type: "reaped", failures: failures.map(describeError) });
  await reviewGuarded(run);
  if (failures.length > 0) throw failures[0];
  return true;
}

/** Runs whose owner died, or that ended without being cleared up. Only looks. */
export async function findDeadRuns(
  context: Pick<Context, "paths">,
  store: Store,
): Promise<readonly RunRecord[]> {
  const ended = store.journalledRuns().map((id) => store.getRun(id))
    .filter((record) => record !== undefined && !isLive(record.state));
  const dead: RunRecord[] = [];
  for (const record of [...store.findRuns({ live: true }), ...ended]) {
    if (record === undefined || isDaemons(record)) continue;
    if (!(await isOwned(runPaths(context.paths, record.id)))) dead.push(record);
  }
  return dead;
}

/** Clears up behind all owners that died, and starts the daemon when it died with runs of its own. */
export async function reapDeadRuns(context: Context, store: Store): Promise<Reaped> {
  const { runs, failures } = await clearUpDeadRuns(context, store);
  return { runs, failures: [...failures, ...await wakeDaemon(context, store)] };
}

/** Starts the daemon when runs wait for it, as after a reboot; returns those it cannot take. */
export async function wakeDaemon(context: Context, store: Store): Promise<Reaped["failures"]> {
  const abandoned = await findAbandoned(context, store);
  if (abandoned.length === 0) return [];
  try {
    await ensureDaemon(context);
    return [];
  } catch (error) {
    return abandoned.map((run) => ({ run, reason: describeError(error) }));
  }
}

/** Clears up behind all command lines that died; what the daemon itself does. */
export async function clearUpDeadRuns(context: Context, store: Store): Promise<Reaped> {
  const runs: RunRecord[] = [];
  const failures: { run: RunRecord; reason: string }[] = [];
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  const dead = await findDeadRuns(context, store);
  await Promise.all(dead.map(async (run) => {
    try {
      if (await reapRun(run, context, { store, runtimes })) runs.push(run);
    } catch (error) {
      failures.push({ run, reason: describeError(error) });
    }
  }));
  return { runs, failures };
}

/** Runs that wait for a daemon to take them. */
async function findAbandoned(
  { paths }: Pick<Context, "paths">,
  store: Store,
): Promise<readonly RunRecord[]> {
  const abandoned: RunRecord[] = [];
  for (const record of store.findRuns({ live: true }).filter(isDaemons)) {
    if (!(await isOwned(runPaths(paths, record.id)))) abandoned.push(record);
  }
  return abandoned;
}

/** A run that was handed to the daemon goes on without it, until the next daemon adopts it. */
function isDaemons({ owner, state }: RunRecord): boolean {
  return owner === "daemon" && isLive(state);
}
