/**
 * Removes what a run has on its runtime: what the journal names, and what carries the run's label.
 *
 * @module
 */

import type { Resource } from "../plugin/runtime.ts";
import type { OwnedRun } from "./owned_run.ts";

/** Options of {@linkcode removeRemains}. */
export interface RemoveRemainsOptions {
  /** Look on the engine too: for runs whose owner did not finish them. @default false */
  readonly byLabel?: boolean;
}

const REMOVE_TIMEOUT_MS = 60_000;
const LIST_TIMEOUT_MS = 15_000;
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
  const remove = async (resource: Resource): Promise<boolean> => {
    try {
      await runtime.remove(resource, { signal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) });
      return true;
    } catch (error) {
      failures.push(error);
      return false;
    }
  };
  for (const { n, resource } of store.journal(record.id).toReversed()) {
    if (resource === undefined || await remove(resource)) store.forgetStep(n);
  }
  // What the journal named is gone by now; removing again is no error.
  for (const resource of found) await remove(resource);
  if (failures.length === 0) store.freeSubnet(record.id);
  return failures;
}

async function labelled(
  { store, record, runtime }: Pick<OwnedRun, "store" | "record" | "runtime">,
): Promise<readonly Resource[]> {
  const signal = AbortSignal.timeout(LIST_TIMEOUT_MS);
  const listed = await runtime.list(store.homeId, { signal });
  return listed.filter(({ runId }) => runId === record.id)
    .toSorted((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}
