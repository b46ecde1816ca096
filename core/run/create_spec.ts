/**
 * The container of a plan with every reference filled in. Pure; the only place where secrets meet
 * the plan.
 *
 * @module
 */

import { runLabels } from "../ids.ts";
import type { ContainerNetwork, ContainerSpec, TerminalSize } from "../plugin/runtime.ts";
import type { EnvValue } from "./request.ts";
import type { NetworkPlan, RunPlan } from "./plan.ts";

/** What the plan does not hold. */
export interface CreateSpecOptions {
  readonly homeId: string;
  readonly secrets: ReadonlyMap<string, string>;
  readonly size?: TerminalSize;
}

/** @throws TypeError for a reference that nothing fills in, which is a bug */
export function createSpec(
  plan: RunPlan,
  { homeId, secrets, size }: CreateSpecOptions,
): ContainerSpec {
  const { container, detached } = plan;
  const { preRun } = container;
  return {
    name: container.name,
    runId: plan.id,
    labels: runLabels(homeId, plan.id, "run"),
    image: imageRef(plan),
    isolation: plan.runtime.isolation,
    command: container.command,
    workdir: container.workdir,
    env: Object.fromEntries(
      Object.entries(container.env).map(([name, value]) => [name, resolveEnv(value, secrets)]),
    ),
    hostname: container.hostname,
    mounts: container.mounts,
    network: containerNetwork(plan.network, container.name),
    dns: container.dns,
    hosts: [],
    uid: container.uid,
    gid: container.gid,
    toolPaths: container.toolPaths,
    groups: container.groups,
    privileged: container.privileged,
    limits: container.limits,
    tty: container.tty,
    stdin: !detached || container.tty,
    detached,
    ...(preRun === undefined ? {} : { preRun }),
    ...(size === undefined ? {} : { size }),
  };
}

/** The reference that the container is made from. */
export function imageRef({ image }: Pick<RunPlan, "image">): string | undefined {
  return image?.kind === "build" ? image.tag : image?.ref;
}

function containerNetwork(network: NetworkPlan, containerName: string): ContainerNetwork {
  switch (network.kind) {
    case "host":
      return { kind: "host" };
    case "own":
      return { kind: "own", name: network.name };
    case "sandbox":
      return { kind: "own", name: containerName };
  }
}

function resolveEnv(value: EnvValue, secrets: ReadonlyMap<string, string>): string {
  if (value.kind === "text") return value.text;
  const text = value.kind === "secret" ? secrets.get(value.key) : undefined;
  if (text === undefined) throw new TypeError(`Nothing fills in ${JSON.stringify(value)}`);
  return text;
}
