/**
 * Finds and removes what runs have left on engines and on this machine.
 *
 * Records, logs and events stay, unless old ones are asked for. Only objects with this home's own
 * label are touched; images, which have none, only when this home used them.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError } from "../errors.ts";
import { isRunId } from "../ids.ts";
import { findPluginLeftovers, type PluginLeftover } from "../plugin/plugin_leftovers.ts";
import type { OwnedResource } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import { isOwned, takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { RuntimeTarget, Store } from "../store/store.ts";
import { forgetRun } from "./destroy_run.ts";
import { OpenRuntimes } from "./open_runtime.ts";
import { findDeadRuns, reapRun, wakeDaemon } from "./reap.ts";
import { isLive } from "./states.ts";

/** An object on an engine that no live run needs. */
export interface LeftResource extends RuntimeTarget {
  readonly resource: OwnedResource;
}

/** An image that no run has needed for a while. */
export interface LeftImage extends RuntimeTarget {
  readonly tag: string;
}

/** What there is to clean. */
export interface CleanPlan {
  /** Runs whose owner died. */
  readonly orphans: readonly RunRecord[];
  readonly resources: readonly LeftResource[];
  readonly images: readonly LeftImage[];
  /** Ended runs whose record, log and events go. */
  readonly records: readonly RunRecord[];
  /** Of plugins that are gone, or of commands that were killed. */
  readonly plugins: readonly PluginLeftover[];
  /** Engines that runs have used and that do not answer. */
  readonly unreachable: readonly (RuntimeTarget & { readonly reason: string })[];
}

/** Options of {@linkcode planClean}. */
export interface PlanCleanOptions {
  readonly store: Store;
  /** Records of runs that ended before this go, too. Then nothing else is looked at. */
  readonly recordsBefore?: Date;
}

/** What was cleaned. */
export interface CleanResult {
  readonly removed: number;
  readonly failures: readonly { readonly subject: string; readonly reason: string }[];
}

/** Images that no run of this home needed for so long are unused. */
const UNUSED_IMAGE_MS = 7 * 24 * 60 * 60 * 1000;
const LIST_TIMEOUT_MS = 15_000;
/** Networks go when nothing uses them any more. */
const ORDER = { container: 0, volume: 1, network: 2 } as const;

/** Looks for what can go. Removes nothing, but starts the daemon when runs wait for it. */
export async function planClean(
  context: Context,
  { store, recordsBefore }: PlanCleanOptions,
): Promise<CleanPlan> {
  if (recordsBefore !== undefined) {
    const before = recordsBefore.toISOString();
    const records = store.findRuns({ live: false })
      .filter(({ finishedAt, createdAt }) => (finishedAt ?? createdAt) < before);
    return { orphans: [], resources: [], images: [], records, plugins: [], unreachable: [] };
  }
  const waiting = await wakeDaemon(context, store);
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  const found = await Promise.all(
    store.targets().map(async (target) => {
      try {
        return await lookAt(target, context, { store, runtimes });
      } catch (error) {
        return { unreachable: [{ ...target, reason: describeError(error) }] };
      }
    }),
  );
  return {
    orphans: await findDeadRuns(context, store),
    resources: found.flatMap(({ resources = [] }) => resources),
    images: found.flatMap(({ images = [] }) => images),
    records: [],
    plugins: await findPluginLeftovers(context.paths),
    unreachable: [
      ...found.flatMap(({ unreachable = [] }) => unreachable),
      ...waiting.map(({ run, reason }) => ({ runtime: run.runtime, target: run.target, reason })),
    ],
  };
}

/** Removes what the plan names, as far as it still holds. */
export async function carryOutClean(
  plan: CleanPlan,
  context: Context,
  { store }: { readonly store: Store },
): Promise<CleanResult> {
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  const failures: { subject: string; reason: string }[] = [];
  let removed = 0;
  const attempt = async (subject: string, work: () => Promise<boolean>) => {
    try {
      if (await work()) removed++;
    } catch (error) {
      failures.push({ subject, reason: describeError(error) });
    }
  };
  for (const run of plan.orphans) {
    await attempt(`run ${run.id}`, () => reapRun(run, context, { store, runtimes }));
  }
  const inOrder = plan.resources.toSorted((a, b) =>
    ORDER[a.resource.kind] - ORDER[b.resource.kind]
  );
  for (const left of inOrder) {
    await attempt(`${left.resource.kind} ${left.resource.name}`, async () => {
      if (await isNeeded(left.resource, context, store)) return false;
      const runtime = await runtimes.get(left);
      await runtime.remove(left.resource);
      if (left.resource.kind === "network") store.freeSubnet(left.resource.runId);
      return true;
    });
  }
  for (const { tag, ...target } of plan.images) {
    await attempt(`image ${tag}`, async () => {
      const runtime = await runtimes.get(target);
      const isGone = await runtime.images?.untag(tag) ?? false;
      if (isGone) store.forgetImage(tag);
      return isGone;
    });
  }
  for (const record of plan.records) {
    await attempt(`record of ${record.id}`, () => forgetEnded(record, context, store));
  }
  for (const { subject, remove } of plan.plugins) {
    await attempt(subject, async () => {
      await remove();
      return true;
    });
  }
  await recordEvent(context.paths, { type: "cleaned", removed, failures });
  return { removed, failures };
}

async function lookAt(
  target: RuntimeTarget,
  context: Context,
  { store, runtimes }: { readonly store: Store; readonly runtimes: OpenRuntimes },
): Promise<Partial<CleanPlan>> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]);
  const runtime = await runtimes.get(target);
  // Listed before the store is asked: whatever is found now has its run in the store already.
  const listed = await runtime.list(store.homeId, { signal });
  const resources: LeftResource[] = [];
  for (const resource of listed) {
    if (!(await isNeeded(resource, context, store))) resources.push({ ...target, resource });
  }
  const unused = store.imagesUnusedSince(new Date(Date.now() - UNUSED_IMAGE_MS).toISOString());
  const own = unused.length === 0 ? [] : await runtime.images?.listOwn({ signal }) ?? [];
  const images = own.filter((tag) => unused.includes(tag)).map((tag) => ({ ...target, tag }));
  return { resources, images };
}

/** A live run needs what it has, until somebody clears up behind it; so does one that is ending. */
async function isNeeded(
  { runId }: OwnedResource,
  { paths }: Pick<Context, "paths">,
  store: Store,
): Promise<boolean> {
  if (!isRunId(runId)) return true;
  const record = store.getRun(runId);
  if (record === undefined) return false;
  return isLive(record.state) || await isOwned(runPaths(paths, runId));
}

async function forgetEnded(record: RunRecord, context: Context, store: Store): Promise<boolean> {
  await using ownership = await takeOwnership(runPaths(context.paths, record.id));
  if (ownership === undefined || store.journal(record.id).length > 0) return false;
  await forgetRun(context, record, { store });
  return true;
}
