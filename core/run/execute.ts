/**
 * Carries out a plan: the run is locked, stored, created step by step and started.
 *
 * From the first line on a failure or an interruption leaves nothing behind but the record, its
 * events and its state `failed`. Attaching, waiting and finishing are the caller's.
 *
 * @module
 */

import { describeError, MoatError } from "../errors.ts";
import { LABEL } from "../ids.ts";
import type { Attachment, ContainerSpec, Progress, Runtime } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import { type Ownership, takeOwnership } from "../store/owner.ts";
import { type Paths, runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { createNetwork } from "./create_network.ts";
import { createSpec } from "./create_spec.ts";
import { ensureImage } from "./ensure_image.ts";
import { snapshotGuarded } from "./guard_project.ts";
import { changeState, type OwnedRun } from "./owned_run.ts";
import type { RunPlan } from "./plan.ts";
import type { RunRequest } from "./request.ts";
import { type OwnerServer, serveOwner } from "./serve_owner.ts";
import { interruption, runSteps, type RunStepsOptions, type Step } from "./steps.ts";
import { parseRoutes } from "./subnets.ts";

/** What is executed; a `PreparedRun` is one. */
export interface PlannedRun {
  readonly plan: RunPlan;
  readonly request: Pick<RunRequest, "secrets" | "size">;
}

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
    const spec = createSpec(plan, {
      homeId: run.store.homeId,
      secrets: request.secrets,
      ...(request.size === undefined ? {} : { size: request.size }),
    });
    await changeState(run, { to: "starting" });
    const attachment = await carryOut(spec, { ...options, signal, run, plan, server });
    const ownership = joinOwnership(server, run.ownership);
    return { ...run, spec, attachment, ownership };
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

/** What the steps of one run work with. */
interface StepsOptions extends ExecuteOptions {
  readonly run: OwnedRun;
  readonly plan: RunPlan;
  readonly server: OwnerServer;
}

async function carryOut(
  spec: ContainerSpec,
  options: StepsOptions,
): Promise<Attachment | undefined> {
  const { run, plan, runtime, store, server, signal, fault } = options;
  let attachment: Attachment | undefined;
  const start: Step = {
    id: "start",
    async do(aborted) {
      const notices: string[] = [];
      const notice = (text: string) => {
        notices.push(text);
        options.notice?.(text);
      };
      attachment = await runtime.start(spec, { signal: aborted, notice });
      for (const text of notices) await recordEvent(run.files, { type: "notice", text });
    },
  };
  const container: Step = {
    id: "container",
    resource: { kind: "container", name: spec.name },
    do: (aborted) => runtime.create(spec, { signal: aborted }),
  };
  const verify: Step = { id: "isolation", do: () => recordIsolation(spec, run) };
  const running: Step = {
    id: "running",
    async do() {
      await changeState(run, { to: "running", patch: { startedAt: new Date().toISOString() } });
      server.started();
    },
  };
  try {
    await runSteps([prerequisites(plan, options), [container], [start], [verify], [running]], {
      runId: plan.id,
      journal: store,
      signal,
      remove: (resource) =>
        runtime.remove(resource, { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) }),
      ...(fault === undefined ? {} : { fault }),
    });
    return attachment;
  } catch (error) {
    await attachment?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** What must be there before the container is made, in any order. */
function prerequisites(plan: RunPlan, options: StepsOptions): readonly Step[] {
  const { run, runtime, store, paths, progress } = options;
  const { images, networks, volumes } = runtime;
  const { image, network } = plan;
  const steps: Step[] = [{ id: "project", do: () => snapshotGuarded(run) }];
  if (image !== undefined && images !== undefined) {
    steps.push({
      id: "image",
      async do(signal) {
        if (image.kind === "build") store.recordImageUse(image.tag, plan.id);
        const built = await ensureImage(image, {
          images,
          paths,
          signal,
          ...(progress === undefined ? {} : { progress }),
        });
        if (built !== undefined) await recordEvent(run.files, { type: "image", ...built });
      },
    });
  }
  if (network.kind === "own" && networks !== undefined) {
    steps.push({
      id: "network",
      resource: { kind: "network", name: network.name },
      async do(signal) {
        const routes = await hostRoutes();
        await createNetwork(network.name, {
          runId: plan.id,
          pool: network.pool,
          networks,
          store,
          routes,
          signal,
        });
      },
    });
  }
  for (const { name } of volumes === undefined ? [] : plan.volumes) {
    // Volumes are kept between runs, so they carry no run's id and are not undone.
    const labels = { [LABEL.home]: store.homeId, [LABEL.role]: "volume" };
    steps.push({
      id: `volume ${name}`,
      do: async (signal) => void await volumes?.ensure({ name, labels }, { signal }),
    });
  }
  return steps;
}

/** Reads back what the engine made of the container. @throws MoatError when it isolates less */
async function recordIsolation(spec: ContainerSpec, run: OwnedRun): Promise<void> {
  const state = await run.runtime.inspect(spec.name);
  if (state === undefined) return;
  const { isolation, isolatedBy } = state;
  run.store.update(run.record.id, { isolation, isolatedBy });
  await recordEvent(run.files, { type: "isolation", isolation, by: isolatedBy });
  if (isolation === spec.isolation) return;
  throw new MoatError(
    `Cannot isolate run "${run.record.name}" by ${spec.isolation}: the runtime used ${isolation}`,
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

async function hostRoutes(): Promise<readonly string[]> {
  try {
    return parseRoutes(await Deno.readTextFile("/proc/net/route"));
  } catch (error) {
    // Elsewhere than on Linux the engine is in a virtual machine with routes of its own.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
