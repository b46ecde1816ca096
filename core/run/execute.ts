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
import type { Attachment, ContainerSpec, Images, Progress, Runtime } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import { type Ownership, takeOwnership } from "../store/owner.ts";
import { type Paths, runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { createCompanionSpec } from "./companions/create_companion_spec.ts";
import { holdCaches } from "./companions/hold_caches.ts";
import { createPasswords, type Passwords } from "./companions/passwords.ts";
import { placeCompanions, type Placement } from "./companions/place.ts";
import { startCompanion } from "./companions/start_companion.ts";
import { createNetwork } from "./create_network.ts";
import { createSpec } from "./create_spec.ts";
import { ensureImage } from "./ensure_image.ts";
import { snapshotGuarded } from "./guard_project.ts";
import { changeState, type OwnedRun } from "./owned_run.ts";
import type { CompanionPlan, ImagePlan, RunPlan } from "./plan.ts";
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

/** What the steps of one run work with. */
interface StepsOptions extends ExecuteOptions {
  readonly run: OwnedRun;
  readonly plan: RunPlan;
  readonly request: PlannedRun["request"];
  readonly server: OwnerServer;
}

/** What is known only when the steps before have been done. */
interface Made {
  subnet?: string;
  readonly passwords: Passwords;
}

async function carryOut(
  options: StepsOptions,
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
      ...(request.size === undefined ? {} : { size: request.size }),
    });
  const start: Step = {
    id: "start",
    async do(aborted) {
      const said: Promise<void>[] = [];
      const notice = (text: string) => void said.push(sayNotice(text, options));
      attachment = await runtime.start(specOf(), { signal: aborted, notice });
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
  const before = prerequisites(options, made);
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

/** What must be there before the containers are made, in any order. */
function prerequisites(options: StepsOptions, made: Made): readonly Step[] {
  const { run, plan, runtime, store } = options;
  const { images, networks, volumes } = runtime;
  const { network } = plan;
  const steps: Step[] = [{ id: "project", do: () => snapshotGuarded(run) }];
  if (images !== undefined) steps.push(...imageSteps(images, options));
  if (network.kind === "own" && networks !== undefined) {
    steps.push({
      id: "network",
      resource: { kind: "network", name: network.name },
      async do(signal) {
        const routes = await hostRoutes();
        made.subnet = await createNetwork(network.name, {
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

/** The run's own image, and those of what is beside it, each once. */
function imageSteps(images: Images, options: StepsOptions): readonly Step[] {
  const { run, plan, store, paths, progress } = options;
  const ensure = (image: ImagePlan, signal: AbortSignal) =>
    ensureImage(image, {
      images,
      paths,
      signal,
      ...(progress === undefined ? {} : { progress }),
    });
  const steps: Step[] = [];
  const { image } = plan;
  if (image !== undefined) {
    steps.push({
      id: "image",
      async do(signal) {
        if (image.kind === "build") store.recordImageUse(image.tag, plan.id);
        const built = await ensure(image, signal);
        if (built !== undefined) await recordEvent(run.files, { type: "image", ...built });
      },
    });
  }
  const others = [...plan.services, ...plan.sidecars].flatMap(({ image }) => image ?? []);
  for (const ref of new Set(others)) {
    if (image?.kind === "base" && image.ref === ref) continue;
    steps.push({
      id: `image ${ref}`,
      do: async (signal) => void await ensure({ kind: "base", ref }, signal),
    });
  }
  return steps;
}

/** Each brings one service or sidecar to life and waits for it; all side by side. */
function companionSteps(options: StepsOptions, made: Made): readonly Step[] {
  const { run, plan, runtime, store, progress } = options;
  const step = (companion: CompanionPlan, role: "service" | "sidecar"): Step => ({
    id: `${role} ${companion.name}`,
    resource: { kind: "container", name: companion.container },
    async do(signal) {
      const { companions } = runtime;
      if (companions === undefined) throw new TypeError(`${runtime.id} has no companions`);
      const own = made.passwords.get(companion.name);
      const held = role === "service" ? companion : await holdCaches(companion, {
        ...options,
        signal,
        notice: (text) => sayNotice(text, options),
      });
      await startCompanion(held, {
        run,
        plan,
        companions,
        signal,
        specOf: (password) =>
          createCompanionSpec(plan, held, {
            homeId: store.homeId,
            role,
            placement: placementOf(options, made),
            ...(password === undefined ? {} : { password }),
          }),
        ...(own === undefined ? {} : { password: own }),
        ...(progress === undefined ? {} : { progress }),
      });
    },
  });
  return [
    ...plan.services.map((service) => step(service, "service")),
    ...plan.sidecars.map((sidecar) => step(sidecar, "sidecar")),
  ];
}

async function sayNotice(text: string, { run, notice }: StepsOptions): Promise<void> {
  notice?.(text);
  await recordEvent(run.files, { type: "notice", text });
}

function placementOf({ plan, runtime }: StepsOptions, { subnet }: Made): Placement {
  const addressing = runtime.companions?.addressing ?? "subnet";
  return placeCompanions(plan, { addressing, subnet });
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

async function hostRoutes(): Promise<readonly string[]> {
  try {
    return parseRoutes(await Deno.readTextFile("/proc/net/route"));
  } catch (error) {
    // Elsewhere than on Linux the engine is in a virtual machine with routes of its own.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
