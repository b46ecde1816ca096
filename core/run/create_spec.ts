/**
 * The container of a plan with every reference filled in. Pure; the only place where secrets meet
 * the plan.
 *
 * @module
 */

import { runLabels } from "../ids.ts";
import type { ContainerNetwork, ContainerSpec, TerminalSize } from "../plugin/runtime.ts";
import { awaitRouterScript } from "./await_router.ts";
import { fillPassword, type Passwords } from "./companions/passwords.ts";
import type { Placement } from "./companions/place.ts";
import { withRouterPort } from "./endpoint_url.ts";
import type { EnvValue } from "./request.ts";
import type { NetworkPlan, RunPlan } from "./plan.ts";

/** What the plan does not hold. */
export interface CreateSpecOptions {
  readonly homeId: string;
  readonly secrets: ReadonlyMap<string, string>;
  /** The port on which the run's endpoints are served; fills in references to it. */
  readonly routerPort?: number;
  /** Certificate of the router's authority, as PEM; absent: it cannot be had. */
  readonly routerCertificate?: string;
  readonly size?: TerminalSize;
  /** Of the services; needed when there are any. */
  readonly passwords?: Passwords;
  /** Addresses and names of the run and what is beside it. */
  readonly placement?: Placement;
  /** Host names of the router. */
  readonly routerNames?: readonly string[];
}

/** Where the runtime accepts what is for the router. */
const LOOPBACK = "127.0.0.1";

/** @throws TypeError for a reference that nothing fills in, which is a bug */
export function createSpec(
  plan: RunPlan,
  options: CreateSpecOptions,
): ContainerSpec {
  const { homeId, secrets, routerPort, routerCertificate: certificate, size } = options;
  const { passwords = new Map(), placement, routerNames = [] } = options;
  const { container, detached } = plan;
  const { authority } = container;
  const isAwaited = plan.reach !== undefined && routerNames.length > 0;
  const preRun = joinHooks(
    isAwaited && routerPort !== undefined ? awaitRouterScript(routerPort) : undefined,
    container.preRun,
  );
  const env = Object.entries(container.env);
  const secretEnv = env.flatMap(([name, value]) =>
    value.kind === "service"
      ? [[name, fillPassword(value.text, passwords.get(value.service))] as const]
      : []
  );
  return {
    name: container.name,
    runId: plan.id,
    labels: runLabels(homeId, plan.id, "run"),
    image: imageRef(plan),
    isolation: plan.runtime.isolation,
    command: container.command,
    workdir: container.workdir,
    env: Object.fromEntries(
      env.filter(([, { kind }]) => kind !== "service")
        .map(([name, value]) => [name, resolveEnv(value, { secrets, routerPort })]),
    ),
    ...(secretEnv.length === 0 ? {} : { secretEnv: Object.fromEntries(secretEnv) }),
    ...(authority === undefined || certificate === undefined
      ? {}
      : { authority: { ...authority, certificate } }),
    hostname: container.hostname,
    mounts: container.mounts,
    network: containerNetwork(plan.network, {
      containerName: container.name,
      address: placement?.address,
    }),
    dns: container.dns,
    hosts: [
      ...(placement?.hosts ?? []),
      ...routerNames.map((name) => ({ name, address: LOOPBACK })),
    ],
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

/** On one line with the first, so that messages about the second name its own lines. */
function joinHooks(first: string | undefined, second: string | undefined): string | undefined {
  return first === undefined || second === undefined ? first ?? second : `${first}; ${second}`;
}

/** The reference that the container is made from. */
export function imageRef({ image }: Pick<RunPlan, "image">): string | undefined {
  return image?.kind === "build" ? image.tag : image?.ref;
}

function containerNetwork(
  network: NetworkPlan,
  { containerName, address }: {
    readonly containerName: string;
    readonly address: string | undefined;
  },
): ContainerNetwork {
  switch (network.kind) {
    case "host":
      return { kind: "host" };
    case "own":
      return {
        kind: "own",
        name: network.name,
        ...(address === undefined ? {} : { address }),
      };
    case "sandbox":
      return { kind: "own", name: containerName };
  }
}

function resolveEnv(
  value: EnvValue,
  { secrets, routerPort }: {
    readonly secrets: ReadonlyMap<string, string>;
    readonly routerPort: number | undefined;
  },
): string {
  if (value.kind === "text") return value.text;
  if (value.kind === "later" && routerPort !== undefined) {
    return withRouterPort(value.reference, routerPort);
  }
  const text = value.kind === "secret" ? secrets.get(value.key) : undefined;
  if (text === undefined) throw new TypeError(`Nothing fills in ${JSON.stringify(value)}`);
  return text;
}
