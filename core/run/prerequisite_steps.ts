/**
 * The steps that make what a run's containers stand on: images, the network, volumes, the route.
 *
 * @module
 */

import { LABEL } from "../ids.ts";
import type { Images } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import { createNetwork } from "./create_network.ts";
import { ensureImage } from "./ensure_image.ts";
import { snapshotGuarded } from "./guard_project.ts";
import type { ImagePlan } from "./plan.ts";
import { describeClash, needsRouter } from "./router_inside.ts";
import { type Made, type RunExecution, sayNotice } from "./run_execution.ts";
import type { Step } from "./steps.ts";
import { parseRoutes } from "./subnets.ts";

/** What must be there before the containers are made, in any order. */
export function prerequisiteSteps(options: RunExecution, made: Made): readonly Step[] {
  const { run, plan, runtime, store } = options;
  const { images, networks, volumes } = runtime;
  const { network } = plan;
  const steps: Step[] = [{ id: "project", do: () => snapshotGuarded(run) }];
  if (images !== undefined) steps.push(...imageSteps(images, options));
  const { publish } = options;
  if (needsRouter(plan) && publish !== undefined) {
    steps.push({
      id: "route",
      async do(signal) {
        const { port, certificate } = await publish(plan.id, signal);
        made.routerPort = port;
        if (certificate !== undefined) made.routerCertificate = certificate;
        const clash = runtime.accept === undefined ? undefined : describeClash(plan, port);
        if (clash !== undefined) await sayNotice(clash, options);
        await recordEvent(run.files, { type: "route", port, endpoints: plan.endpoints });
      },
    });
  }
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
function imageSteps(images: Images, options: RunExecution): readonly Step[] {
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

async function hostRoutes(): Promise<readonly string[]> {
  try {
    return parseRoutes(await Deno.readTextFile("/proc/net/route"));
  } catch (error) {
    // Elsewhere than on Linux the engine is in a virtual machine with routes of its own.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
