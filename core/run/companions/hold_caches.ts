/**
 * Gives a sidecar the project's cache, as long as no other run has it.
 *
 * @module
 */

import type { Mount } from "../../plugin/runtime.ts";
import { holdVolume, type HoldVolumeOptions } from "../hold_volume.ts";
import type { CompanionPlan } from "../plan.ts";

/** Options of {@linkcode holdCaches}. */
export interface HoldCachesOptions extends HoldVolumeOptions {
  notice(text: string): Promise<void>;
}

/** The sidecar; a cache that another live run has is an empty volume in it. */
export async function holdCaches(
  sidecar: CompanionPlan,
  options: HoldCachesOptions,
): Promise<CompanionPlan> {
  const mounts: Mount[] = [];
  for (const mount of sidecar.mounts) {
    const isCache = mount.kind === "volume" && mount.source !== "";
    const other = isCache ? await holdVolume(mount.source, options) : undefined;
    mounts.push(other === undefined ? mount : { ...mount, source: "" });
    if (other === undefined) continue;
    await options.notice(
      `The sidecar "${sidecar.name}" starts without its cache: run "${other.name}" has it`,
    );
  }
  return { ...sidecar, mounts };
}
