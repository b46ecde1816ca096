/**
 * What the steps of one run work with, and what they find out for each other.
 *
 * @module
 */

import type { Progress, Runtime } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import type { Paths } from "../store/paths.ts";
import type { Store } from "../store/store.ts";
import type { Passwords } from "./companions/passwords.ts";
import { placeCompanions, type Placement } from "./companions/place.ts";
import type { OwnedRun } from "./owned_run.ts";
import type { RunPlan } from "./plan.ts";
import { describeClash, namesInside } from "./router_inside.ts";
import type { RunStepsOptions } from "./steps.ts";

/** Options of {@linkcode executePlan}. */
export interface ExecuteOptions {
  readonly store: Store;
  readonly paths: Paths;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
  /** Told what will not work in this run, one line each, before the command starts. */
  readonly notice?: (text: string) => void;
  readonly fault?: RunStepsOptions["fault"];
  /** Has the router serve the run's endpoints; resolves when it does. */
  readonly publish?: (runId: string, signal: AbortSignal) => Promise<PublishedAt>;
  /** Told when the command of a run that the router serves has been started. Does not wait. */
  readonly announce?: (runId: string) => void;
}

/** Where endpoints are served. */
export interface PublishedAt {
  readonly port: number;
  /** Of the router's authority, as PEM; absent where there is none to be had. */
  readonly certificate?: string;
}

/** An execution of one run that was recorded. */
export interface RunExecution extends ExecuteOptions {
  readonly run: OwnedRun;
  readonly plan: RunPlan;
}

/** What is known only when the steps before have been done. */
export interface Made {
  subnet?: string;
  routerPort?: number;
  routerCertificate?: string;
  readonly passwords: Passwords;
}

/** Tells the user, and records it. */
export async function sayNotice(text: string, { run, notice }: RunExecution): Promise<void> {
  notice?.(text);
  await recordEvent(run.files, { type: "notice", text });
}

/** Names by which the run comes to the router, once that serves it. */
export function routerNamesOf(
  { plan, runtime, store }: RunExecution,
  { routerPort }: Made,
): readonly string[] {
  if (runtime.accept === undefined || routerPort === undefined) return [];
  if (describeClash(plan, routerPort) !== undefined) return [];
  return namesInside(plan, (name) => store.findRuns({ live: true, name })[0]);
}

/** Addresses and names, once the network is there. */
export function placementOf({ plan, runtime }: RunExecution, { subnet }: Made): Placement {
  const addressing = runtime.companions?.addressing ?? "subnet";
  return placeCompanions(plan, { addressing, subnet });
}
