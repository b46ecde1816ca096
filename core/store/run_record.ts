/**
 * A run as the store keeps it.
 *
 * @module
 */

import type { RunId } from "../ids.ts";
import type { Isolation } from "../plugin/runtime.ts";
import type { RunPlan } from "../run/plan.ts";
import type { RunState } from "../run/states.ts";

/** Who owns a live run. */
export type OwnerKind = "cli" | "daemon";

/**
 * What a service or sidecar of a run is doing. `exited`: it ended while the run went on; `failed`: it
 * did not become ready.
 */
export type ServiceState = "starting" | "ready" | "exited" | "failed";

/** One run. Times are RFC 3339 in UTC. */
export interface RunRecord {
  readonly id: RunId;
  readonly name: string;
  readonly state: RunState;
  readonly project: string;
  readonly runtime: string;
  readonly target: string;
  readonly owner: OwnerKind;
  readonly detached: boolean;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** There when the command ended by itself or was stopped. */
  readonly exitCode?: number;
  /** Why it failed or was stopped: `timed out after 5s`, `out of memory`, a message. */
  readonly reason?: string;
  /** Read back from the container. */
  readonly isolation?: Isolation;
  readonly isolatedBy?: string;
  /** As in the plan; kept beside it so that lists need no plan. */
  readonly endpoints: RunPlan["endpoints"];
  /** Services and sidecars, as their owner saw them last. */
  readonly services?: readonly { readonly name: string; readonly state: ServiceState }[];
  /** Records from the store read and parse it when it is first looked at. */
  readonly plan: RunPlan;
}
