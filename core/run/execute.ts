/**
 * Carries out a plan: the run is locked, stored, created step by step and started.
 *
 * From the first line on a failure or an interruption leaves nothing behind but the record, its
 * events and its state `failed`. Attaching, waiting and finishing are the caller's.
 *
 * @module
 */

import { describeError, MoatError } from "../errors.ts";
import type { Attachment, ContainerSpec } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import { type Ownership, takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import { companionSteps } from "./companions/companion_steps.ts";
import { createPasswords } from "./companions/passwords.ts";
import { createSpec } from "./create_spec.ts";
import { changeState, type OwnedRun } from "./owned_run.ts";
import type { RunPlan } from "./plan.ts";
import { prerequisiteSteps } from "./prerequisite_steps.ts";
import type { RunRequest } from "./request.ts";
import {
  type ExecuteOptions,
  type Made,
  placementOf,
  routerNamesOf,
  type RunExecution,
  sayNotice,
} from "./run_execution.ts";
import { type OwnerServer, serveOwner } from "./serve_owner.ts";
import { interruption, runSteps, type Step } from "./steps.ts";

export type { ExecuteOptions } from "./run_execution.ts";

/** What is executed; a `PreparedRun` is one. */
export interface PlannedRun {
  readonly plan: RunPlan;
  readonly request: Pick<RunRequest, "secrets" | "size">;
}

/** A run that was started, owned by this process; give it to `finishRun()` or `handOver()`. */
export interface StartedRun extends OwnedRun {
  readonly spec: ContainerSpec;
  /** There unless the run is detached. */
  readonly attachment: Attachment | undefined;
}

/** How long undoing may take. */
const UNDO_TIMEOUT_MS = 30_000;

/** Creates and starts the run. @throws what failed, after everything was undone */
export async function executePlan(
  { plan, request }: PlannedRun,
  options: ExecuteOptions,
): Promise<StartedRun> {
  const run = await insertRun(plan, options);
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  let server: OwnerServer | undefined;
  try {
    server = await serveOwner(run, { beforeStart: (reason) => stopping.abort(reason) });
    await changeState(run, { to: "starting" });
    const made = await carryOut({ ...options, signal, run, plan, request, server });
    const ownership = joinOwnership(server, run.ownership);
    return { ...run, ...made, ownership };
  } catch (error) {
    await server?.[Symbol.asyncDispose]();
    await abandon(run, error);
    throw error;
  }
}

async function insertRun(plan: RunPlan, options: ExecuteOptions): Promise<OwnedRun> {
  const { store, paths, runtime } = options;
  const files = runPaths(paths, plan.id);
  if (options.signal.aborted) throw interruption(options.signal);
  const ownership = await takeOwnership(files);
  if (ownership === undefined) throw new TypeError(`Run ${plan.id} is owned already`);
  const record = newRecord(plan);
  try {
    store.insertRun(record);
  } catch (error) {
    await ownership[Symbol.asyncDispose]();
    await Deno.remove(files.directory, { recursive: true });
    throw error;
  }
  await recordEvent(files, {
    type: "created",
    name: plan.name,
    project: plan.project,
    runtime: plan.runtime.id,
    isolation: plan.runtime.isolation,
    privileged: plan.container.privileged,
    trust: plan.trust,
    warnings: plan.warnings,
  });
  return { record, store, paths, files, runtime, ownership };
}

function newRecord(plan: RunPlan): RunRecord {
  return {
    id: plan.id,
    name: plan.name,
    state: "created",
    project: plan.project,
    runtime: plan.runtime.id,
    target: plan.runtime.target,
    owner: "cli",
    detached: plan.detached,
    createdAt: new Date().toISOString(),
    endpoints: plan.endpoints,
    plan,
  };
}

/** Begins with what the owner answers and what only it knows. */
interface CarryOutOptions extends RunExecution {
  readonly request: PlannedRun["request"];
  readonly server: OwnerServer;
}

async function carryOut(
  options: CarryOutOptions,
): Promise<Pick<StartedRun, "spec" | "attachment">> {
  const { run, plan, request, runtime, store, server, signal, fault } = options;
  const made: Made = { passwords: createPasswords(plan.services) };
  let spec: ContainerSpec | undefined;
  let attachment: Attachment | undefined;
  const specOf = () =>
    spec ??= createSpec(plan, {
      homeId: store.homeId,
      secrets: request.secrets,
      passwords: made.passwords,
      placement: placementOf(options, made),
      routerNames: routerNamesOf(options, made),
      ...(made.routerPort === undefined ? {} : { routerPort: made.routerPort }),
      ...(made.routerCertificate === undefined
        ? {}
        : { routerCertificate: made.routerCertificate }),
      ...(request.size === undefined ? {} : { size: request.size }),
    });
  const start: Step = {
    id: "start",
    async do(aborted) {
      const said: Promise<void>[] = [];
      const notice = (text: string) => void said.push(sayNotice(text, options));
      attachment = await runtime.start(specOf(), { signal: aborted, notice });
      if (made.routerPort !== undefined) options.announce?.(plan.id);
      await Promise.all(said);
    },
  };
  const container: Step = {
    id: "container",
    resource: { kind: "container", name: plan.container.name },
    do: (aborted) => runtime.create(specOf(), { signal: aborted }),
  };
  const verify: Step = { id: "isolation", do: () => recordIsolation(plan, run) };
  const running: Step = {
    id: "running",
    async do() {
      await changeState(run, { to: "running", patch: { startedAt: new Date().toISOString() } });
      server.started();
    },
  };
  // Undone in reverse: the run goes before what it uses.
  const containers = [...companionSteps(options, made), container];
  const before = prerequisiteSteps(options, made);
  try {
    await runSteps([before, containers, [start], [verify], [running]], {
      runId: plan.id,
      journal: store,
      signal,
      remove: (resource) =>
        runtime.remove(resource, { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) }),
      ...(fault === undefined ? {} : { fault }),
    });
    return { spec: specOf(), attachment };
  } catch (error) {
    await attachment?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** Reads back what the engine made of the container. @throws MoatError when it isolates less */
async function recordIsolation(plan: RunPlan, run: OwnedRun): Promise<void> {
  const { container, runtime } = plan;
  const state = await run.runtime.inspect(container.name);
  if (state === undefined) return;
  const { isolation, isolatedBy } = state;
  const { reducedFrom } = runtime;
  run.store.update(run.record.id, { isolation, isolatedBy });
  await recordEvent(run.files, {
    type: "isolation",
    isolation,
    by: isolatedBy,
    ...(reducedFrom === undefined ? {} : { reducedFrom }),
  });
  if (container.privileged) {
    const { name, privilegedFor } = container;
    await recordEvent(run.files, { type: "privileged", container: name, reason: privilegedFor });
  }
  if (isolation === runtime.isolation) return;
  throw new MoatError(
    `Cannot isolate run "${run.record.name}" by ${runtime.isolation}: the runtime used ${isolation}`,
    { hint: "moat doctor" },
  );
}

/** The lock is let go when nobody is answered any more. */
function joinOwnership(server: OwnerServer, lock: Ownership): Ownership {
  return {
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await lock[Symbol.asyncDispose]();
    },
  };
}

/** Leaves the record of a run that did not come to life. */
async function abandon(run: OwnedRun, error: unknown): Promise<void> {
  const { store, record, ownership } = run;
  await changeState(run, {
    to: "failed",
    patch: { finishedAt: new Date().toISOString(), reason: describeError(error) },
  });
  // What could not be undone is still in the journal, and its subnet still in use.
  const left = store.journal(record.id);
  if (left.every(({ resource }) => resource?.kind !== "network")) store.freeSubnet(record.id);
  await ownership[Symbol.asyncDispose]();
}
