/**
 * Brings one companion of a run to life: created, started, isolated as planned, ready.
 *
 * @module
 */

import { describeError, MoatError } from "../../errors.ts";
import type { Companions, CompanionSpec, Progress } from "../../plugin/runtime.ts";
import { recordEvent } from "../../store/events.ts";
import type { OwnedRun } from "../owned_run.ts";
import type { CompanionPlan, RunPlan, ServicePlan } from "../plan.ts";
import { awaitCompanion, type AwaitCompanionOptions, explainFailure } from "./await_companion.ts";
import { changeService } from "./service_state.ts";

/** Options of {@linkcode startCompanion}. */
export interface StartCompanionOptions {
  readonly run: OwnedRun;
  readonly plan: RunPlan;
  readonly companions: Companions;
  readonly spec: CompanionSpec;
  readonly signal: AbortSignal;
  readonly password?: string;
  readonly progress?: Progress;
}

/** Returns when it is ready, or started where nobody waits for it. @throws MoatError with its end */
export async function startCompanion(
  companion: CompanionPlan | ServicePlan,
  options: StartCompanionOptions,
): Promise<void> {
  const { run, companions, spec, signal, progress, password } = options;
  const { name, container } = companion;
  const change = (state: Parameters<typeof changeService>[1]["state"], details = {}) =>
    changeService(run, { name, container, state, details });
  const begun = performance.now();
  progress?.update(name, `${name}: starting`);
  await change("starting", companion.image === undefined ? {} : { image: companion.image });
  const waiting: AwaitCompanionOptions = {
    runtime: run.runtime,
    signal,
    onCommand: (command) => progress?.update(name, `${name}: ${command.join(" ")}`),
    ...(password === undefined ? {} : { password }),
  };
  try {
    await companions.create(spec, { signal });
    await startCreated(spec, companions, waiting);
    await recordCompanionIsolation(companion, options);
    if ("wait" in companion && !companion.wait) {
      progress?.done(name, `${name}: started`);
      return;
    }
    await awaitCompanion(companion, waiting);
  } catch (error) {
    if (!signal.aborted) await change("failed", { reason: describeError(error) });
    progress?.done(name, `${name}: ${signal.aborted ? "stopped" : "failed"}`);
    throw error;
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  await change("ready", { afterMs: Math.round(performance.now() - begun) });
  progress?.done(name, `${name}: ready (${seconds}s)`);
}

async function startCreated(
  spec: CompanionSpec,
  companions: Companions,
  waiting: AwaitCompanionOptions,
): Promise<void> {
  try {
    await companions.start(spec, { signal: waiting.signal });
  } catch (error) {
    waiting.signal.throwIfAborted();
    throw await explainFailure({ name: spec.hostname, container: spec.name }, error, waiting);
  }
}

/** Reads back what the engine made of it. @throws MoatError when it isolates less than planned */
async function recordCompanionIsolation(
  { name, container, isolation: planned, privileged }: CompanionPlan,
  { run, plan }: Pick<StartCompanionOptions, "run" | "plan">,
): Promise<void> {
  const state = await run.runtime.inspect(container);
  if (state === undefined) return;
  const { isolation, isolatedBy } = state;
  const isWeaker = isolation !== plan.runtime.isolation;
  await recordEvent(run.files, {
    type: "isolation",
    companion: name,
    isolation,
    by: isolatedBy,
    ...(isWeaker ? { reducedFrom: plan.runtime.isolation } : {}),
  });
  if (privileged !== undefined) {
    await recordEvent(run.files, { type: "privileged", container, reason: privileged });
  }
  if (planned === undefined || isolation === planned) return;
  throw new MoatError(
    `Cannot isolate service "${name}" by ${planned}: the runtime used ${isolation}`,
    { hint: "moat doctor" },
  );
}
