/**
 * Removes what a run has on its runtime: what the journal names, and what carries the run's label.
 *
 * @module
 */

import type { Resource } from "../plugin/runtime.ts";
import type { OwnedRun } from "./owned_run.ts";
import type { RunPlan } from "./plan.ts";

/** Options of {@linkcode removeRemains}. */
export interface RemoveRemainsOptions {
  /** Look on the engine too: for runs whose owner did not finish them. @default false */
  readonly byLabel?: boolean;
}

const REMOVE_TIMEOUT_MS = 60_000;
const LIST_TIMEOUT_MS = 15_000;
/** How long a server whose data is kept has to end. */
const STOP_GRACE_MS = 10_000;
/** Networks go when nothing uses them any more. */
const ORDER = { container: 0, volume: 1, network: 2 } as const;

/**
 * Removes, clears the journal and frees the subnet. Idempotent. Returns what went wrong; what is
 * left then stays in the journal.
 */
export async function removeRemains(
  { store, record, runtime }: Pick<OwnedRun, "store" | "record" | "runtime">,
  { byLabel = false }: RemoveRemainsOptions = {},
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  let found: readonly Resource[] = [];
  try {
    if (byLabel) found = await labelled({ store, record, runtime });
  } catch (error) {
    // An engine that does not answer is not asked again for each resource.
    return [error];
  }
  const journal = store.journal(record.id).toReversed();
  // Begun and never made known to an engine.
  for (const { n, resource } of journal) if (resource === undefined) store.forgetStep(n);
  const named = journal.flatMap(({ n, resource }) => resource === undefined ? [] : { n, resource });
  const kept = keptData(record.plan);
  const remove = async ({ n, resource }: { readonly n?: number; readonly resource: Resource }) => {
    try {
      if (kept.has(resource.name)) await stopInPeace(runtime, resource.name);
      await runtime.remove(resource, { signal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) });
      if (n !== undefined) store.forgetStep(n);
    } catch (error) {
      failures.push(error);
    }
  };
  // What the journal named may be found by its label too; removing again is no error.
  for (const group of inOrder(named, record.plan)) await Promise.all(group.map(remove));
  for (const resource of found) await remove({ resource });
  if (failures.length === 0) store.freeSubnet(record.id);
  return failures;
}

/** The run first, then what is beside it all at once, then what they use. */
function inOrder<T extends { readonly resource: Resource }>(
  entries: readonly T[],
  { container }: Pick<RunPlan, "container">,
): readonly (readonly T[])[] {
  const isRun = ({ resource: { kind, name } }: T) =>
    kind === "container" && name === container.name;
  const beside = entries.filter((entry) => !isRun(entry));
  return [
    entries.filter(isRun),
    ...(["container", "volume", "network"] as const).map((kind) =>
      beside.filter(({ resource }) => resource.kind === kind)
    ),
  ];
}

/** Containers of services whose data stays. */
function keptData({ services }: Pick<RunPlan, "services">): ReadonlySet<string> {
  return new Set(
    services.filter(({ data }) => data?.source === "keep").map(({ container }) => container),
  );
}

/** Lets a server put its data in order; what it does not do in time is done at its next start. */
async function stopInPeace(runtime: OwnedRun["runtime"], name: string): Promise<void> {
  const signal = AbortSignal.timeout(STOP_GRACE_MS + REMOVE_TIMEOUT_MS);
  await runtime.stop(name, { graceMs: STOP_GRACE_MS, signal });
}

async function labelled(
  { store, record, runtime }: Pick<OwnedRun, "store" | "record" | "runtime">,
): Promise<readonly Resource[]> {
  const signal = AbortSignal.timeout(LIST_TIMEOUT_MS);
  const listed = await runtime.list(store.homeId, { signal });
  return listed.filter(({ runId }) => runId === record.id)
    .toSorted((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}
