/**
 * Volumes that one live run at a time may use: two servers on the same files would destroy them.
 *
 * @module
 */

import { whenUnowned } from "../store/owner.ts";
import { type Paths, runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { lockTag, type LockTagOptions } from "./lock_tag.ts";
import type { RunPlan } from "./plan.ts";
import { isLive } from "./states.ts";

/** Options of {@linkcode holdVolume}. */
export interface HoldVolumeOptions extends LockTagOptions {
  readonly paths: Paths;
  readonly store: Store;
  readonly plan: RunPlan;
}

/**
 * Takes the volume for this run as long as it lives; returns the run that has it instead, live or
 * with containers that nobody has removed yet.
 */
export async function holdVolume(
  volume: string,
  options: HoldVolumeOptions,
): Promise<RunRecord | undefined> {
  const { store, plan } = options;
  const key = `holder ${plan.runtime.target} ${volume}`;
  using _ = await lockTag(volume, options);
  const holder = store.fact(key);
  const other = holder === undefined || holder === plan.id ? undefined : store.getRun(holder);
  if (other !== undefined && isLive(other.state)) return other;
  // Ended, and its owner may still be at clearing it up.
  if (other !== undefined) {
    await whenUnowned(runPaths(options.paths, other.id), options.signal);
    const left = store.journal(other.id);
    if (left.some(({ resource }) => resource?.kind === "container")) return other;
  }
  store.setFact(key, plan.id);
}
