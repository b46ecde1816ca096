/**
 * What preparing the data of a service takes and gives.
 *
 * @module
 */

import type { CompanionSpec, Progress, Runtime } from "../../plugin/runtime.ts";
import type { Paths } from "../../store/paths.ts";
import type { Store } from "../../store/store.ts";
import type { RunPlan } from "../plan.ts";

/** What preparing data works with. The network is there, and the service's image. */
export interface ServiceDataOptions {
  readonly plan: RunPlan;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly paths: Paths;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
  /** The service's container as planned, with this password; nothing of that name is there yet. */
  specOf(password: string): CompanionSpec;
  /** Resolves when the started container answers. @throws MoatError that names the service */
  awaitReady(spec: CompanionSpec, password: string): Promise<void>;
}

/** Data that a service can be started on. */
export interface PreparedServiceData {
  /** `init`: initialised by the service's own start; otherwise by an earlier one. */
  readonly origin: "init" | "new-template" | "template" | "kept";
  /** The rest of it needs the server: it is waited for in any case. */
  readonly needsReady: boolean;
  /** The container with the data in it. */
  apply(spec: CompanionSpec): CompanionSpec;
  /** Call it once it has started, when ready if `needsReady`. @throws MoatError of the seed */
  finish(): Promise<void>;
}
