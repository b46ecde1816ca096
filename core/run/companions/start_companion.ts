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
import { prepareServiceData } from "../service_data/prepare_service_data.ts";
import type { PreparedServiceData } from "../service_data/service_data.ts";
import {
  awaitCompanion,
  type AwaitCompanionOptions,
  explainFailure,
  userInside,
} from "./await_companion.ts";
import { changeService } from "./service_state.ts";

/** Options of {@linkcode startCompanion}. */
export interface StartCompanionOptions {
  readonly run: OwnedRun;
  readonly plan: RunPlan;
  readonly companions: Companions;
  readonly signal: AbortSignal;
  /** There for services. */
  readonly password?: string;
  readonly progress?: Progress;
  /** Its container as planned, with this password. */
  specOf(password: string | undefined): CompanionSpec;
}

/** Returns when it is ready, or started where nobody waits for it. @throws MoatError with its end */
export async function startCompanion(
  companion: CompanionPlan | ServicePlan,
  options: StartCompanionOptions,
): Promise<void> {
  const { run, signal, progress } = options;
  const { name, container } = companion;
  const begun = performance.now();
  progress?.update(name, `${name}: starting`);
  await changeService(run, {
    name,
    container,
    state: "starting",
    details: companion.image === undefined ? {} : { image: companion.image },
  });
  try {
    const { isReady, data } = await bringUp(companion, options);
    const ms = Math.round(performance.now() - begun);
    if (isReady) {
      await changeService(run, { name, container, state: "ready", details: { ms, data } });
    }
    const text = isReady ? `ready (${(ms / 1000).toFixed(1)}s)` : "started";
    progress?.done(name, `${name}: ${text}`);
  } catch (error) {
    if (!signal.aborted) {
      const details = { reason: describeError(error) };
      await changeService(run, { name, container, state: "failed", details });
    }
    progress?.done(name, `${name}: ${signal.aborted ? "stopped" : "failed"}`);
    throw error;
  }
}

/** What came of it, and where its data comes from. */
interface BroughtUp {
  readonly isReady: boolean;
  readonly data?: PreparedServiceData["origin"];
}

async function bringUp(
  companion: CompanionPlan | ServicePlan,
  options: StartCompanionOptions,
): Promise<BroughtUp> {
  const { companions, password, signal } = options;
  const waiting = awaitOptions(companion, options);
  const data = isService(companion) ? await prepareData(companion, options) : undefined;
  const planned = options.specOf(password);
  const spec = data?.apply(planned) ?? planned;
  await companions.create(spec, { signal });
  try {
    await companions.start(spec, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw await explainFailure(companion, error, waiting);
  }
  const isReady = !isService(companion) || companion.wait || data?.needsReady === true;
  await Promise.all([
    recordCompanionIsolation(companion, options),
    isReady ? awaitCompanion(companion, waiting) : undefined,
  ]);
  await data?.finish();
  return { isReady, ...(data === undefined ? {} : { data: data.origin }) };
}

async function prepareData(
  service: ServicePlan,
  options: StartCompanionOptions,
): Promise<PreparedServiceData> {
  const { run, plan, signal, progress } = options;
  const { runtime, store, paths } = run;
  return await prepareServiceData(service, {
    plan,
    runtime,
    store,
    paths,
    signal,
    specOf: (password) => options.specOf(password),
    awaitReady: (spec, password) =>
      awaitCompanion(
        { ...service, container: spec.name, afterReady: [] },
        awaitOptions(service, { ...options, password }),
      ),
    ...(progress === undefined ? {} : { progress }),
  });
}

function awaitOptions(
  { name, image }: CompanionPlan,
  { run, plan, signal, progress, password }: StartCompanionOptions,
): AwaitCompanionOptions {
  return {
    runtime: run.runtime,
    signal,
    user: userInside(plan, image),
    onCommand: (command) => progress?.update(name, `${name}: ${command.join(" ")}`),
    ...(password === undefined ? {} : { password }),
  };
}

function isService(companion: CompanionPlan | ServicePlan): companion is ServicePlan {
  return "wait" in companion;
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
