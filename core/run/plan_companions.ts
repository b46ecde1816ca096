/**
 * Plans what runs beside a run: its services and moat's own sidecars, with what the run gets of them.
 *
 * Pure. A password is nowhere in it: `{password}` stays in files and variables until a step fills it
 * in.
 *
 * @module
 */

import type { ConfigService } from "../config/project_config.ts";
import { MoatError, UsageError } from "../errors.ts";
import { companionName } from "../ids.ts";
import { nearest } from "../nearest.ts";
import type {
  ContributionOf,
  ServiceContribution,
  SidecarContribution,
} from "../plugin/contribution.ts";
import type { Isolation, Mount, RuntimeFacts } from "../plugin/runtime.ts";
import { hostServiceSpec } from "./host_service.ts";
import type { CompanionPlan, ServicePlan, ServiceSeed } from "./plan.ts";
import type { EnvValue, RunRequest } from "./request.ts";
import { planServiceData } from "./service_data/plan_service_data.ts";

/** What the planner of companions looks at besides the request. */
export interface PlanCompanionsOptions {
  readonly facts: RuntimeFacts;
  readonly isolation: Isolation;
  readonly contributions: readonly ContributionOf[];
  /** Real directories of a service's own server on the host, by service. */
  readonly serviceTools: Readonly<Record<string, HostTools>>;
  /** What services are filled with, by service. */
  readonly seeds: Readonly<Record<string, ServiceSeed>>;
  /** The engine's name for a volume of this project. */
  volumeName(name: string): string;
}

/** Real directories of host tools, and what to put in front of PATH. */
export interface HostTools {
  readonly paths: readonly string[];
  readonly bin: readonly string[];
}

/** What stands beside the run. */
export interface PlannedCompanions {
  readonly services: readonly ServicePlan[];
  readonly sidecars: readonly CompanionPlan[];
  /** Names of volumes that are kept between runs. */
  readonly volumes: readonly string[];
  /** The run's variables. */
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly warnings: readonly string[];
}

/** How long a companion may take to become ready. */
const READY_TIMEOUT_MS = 120_000;
/** A run's subnet has 14 addresses: the gateway's, the run's, and these. */
const MAX_COMPANIONS = 12;

/** Plans all companions. @throws MoatError for names or ports that clash, UsageError for `services:` */
export function planCompanions(
  request: RunRequest,
  options: PlanCompanionsOptions,
): PlannedCompanions {
  const { contributions, isolation, facts } = options;
  const services = contributions.flatMap(({ contribution }) => contribution.services ?? []);
  const sidecars = contributions.flatMap(({ contribution }) => contribution.sidecars ?? []);
  refuseUnknownServices(request, services.map(({ name }) => name));
  refuseClashes(request, { services, sidecars, facts });
  const warnings = [
    ...sidecars.flatMap((sidecar) => sidecarWarnings(sidecar, isolation)),
    ...(facts.usesHostTools ? imageWarnings(request.config.services) : []),
  ];
  const cached = sidecars.flatMap(({ volumes = [] }) =>
    volumes.filter(({ kind }) => kind === "cache").map(({ name }) => options.volumeName(name))
  );
  return {
    services: services.map((service) => planService(service, request, options)),
    sidecars: sidecars.map((sidecar) => planSidecar(sidecar, request, options)),
    volumes: cached,
    env: Object.fromEntries(services.flatMap(variablesOf)),
    warnings,
  };
}

function planService(
  service: ServiceContribution,
  { id, config }: RunRequest,
  { facts, isolation, serviceTools, seeds, volumeName }: PlanCompanionsOptions,
): ServicePlan {
  const { name } = service;
  const override: ConfigService | undefined = config.services[name];
  const seed = seeds[name];
  const data = planServiceData(service, {
    keep: override?.keep ?? false,
    ...(seed === undefined ? {} : { seed }),
    // No name of a volume in moat.yaml has a dot.
    volume: volumeName(`${name}.data`),
    abilities: facts.abilities,
  });
  const memory = override?.memory;
  const common = {
    name,
    container: companionName(name, id),
    isolation,
    limits: memory === undefined ? {} : { memoryBytes: memory * 1024 ** 2 },
    ready: override?.ready?.probe ?? service.ready,
    readyTimeoutMs: override?.ready?.timeoutMs ?? service.readyTimeoutMs ?? READY_TIMEOUT_MS,
    port: service.port,
    wait: override?.wait ?? true,
    variables: fillHost(service),
    afterReady: service.afterReady ?? [],
    ...(data === undefined ? {} : { data }),
  };
  if (facts.usesHostTools) {
    return { ...common, ...hostServiceSpec(service, serviceTools[name]) };
  }
  return {
    ...common,
    image: service.image,
    ...(service.entrypoint === undefined ? {} : { entrypoint: service.entrypoint }),
    ...(service.command === undefined ? {} : { command: service.command }),
    env: service.env,
    files: service.files,
    mounts: service.mounts ?? [],
    toolPaths: [],
  };
}

/** The engine's default isolates a sidecar: it serves moat, and may need what gVisor lacks. */
function planSidecar(
  {
    name,
    image,
    command,
    env,
    files,
    privileged,
    volumes = [],
    ready,
    readyTimeoutMs,
  }: SidecarContribution,
  { id }: RunRequest,
  { volumeName }: PlanCompanionsOptions,
): CompanionPlan {
  return {
    name,
    container: companionName(name, id),
    image,
    ...(command === undefined ? {} : { command }),
    env: env ?? {},
    files: files ?? [],
    mounts: volumes.map((volume): Mount => ({
      kind: "volume",
      source: volume.kind === "cache" ? volumeName(volume.name) : "",
      target: volume.target,
      readOnly: false,
    })),
    toolPaths: [],
    ...(privileged === undefined ? {} : { privileged }),
    limits: {},
    ready,
    readyTimeoutMs: readyTimeoutMs ?? READY_TIMEOUT_MS,
  };
}

/** The service is found by its name. */
function fillHost({ name, variables }: ServiceContribution): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([key, text]) => [key, text.replaceAll("{host}", name)]),
  );
}

function variablesOf(service: ServiceContribution): [string, EnvValue][] {
  return Object.entries(fillHost(service)).map(([key, text]) => [
    key,
    text.includes("{password}")
      ? { kind: "service", service: service.name, text }
      : { kind: "text", text },
  ]);
}

function sidecarWarnings(
  { name, privileged }: SidecarContribution,
  isolation: Isolation,
): readonly string[] {
  const warnings: string[] = [];
  if (privileged !== undefined) {
    warnings.push(`The sidecar "${name}" is privileged: ${privileged}`);
  }
  if (isolation === "gvisor") {
    warnings.push(`The sidecar "${name}" is isolated by the engine's default, not by gVisor`);
  }
  return warnings;
}

/** Settings that have no meaning for a server of the host. */
function imageWarnings(services: RunRequest["config"]["services"]): readonly string[] {
  return Object.entries(services).flatMap(([name, { image, command }]) =>
    Object.entries({ image, command })
      .filter(([, value]) => value !== undefined)
      .map(([key]) =>
        `services.${name}.${key} has no effect here: the host's own server is started`
      )
  );
}

function refuseUnknownServices({ config }: RunRequest, known: readonly string[]): void {
  for (const name of Object.keys(config.services)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw new UsageError(`Cannot change service "${name}": no dependency brings it`, {
      hint: near === undefined
        ? `Write ${name} under dependencies:, or take it out of services:`
        : `Write it as ${near}, or add ${name} under dependencies:`,
    });
  }
}

function refuseClashes(
  request: RunRequest,
  { services, sidecars, facts }: {
    readonly services: readonly ServiceContribution[];
    readonly sidecars: readonly SidecarContribution[];
    readonly facts: RuntimeFacts;
  },
): void {
  const all = [...services, ...sidecars];
  const seen = new Set<string>();
  for (const { name } of all) {
    if (seen.has(name)) {
      throw new MoatError(`Cannot start two services "${name}": both have that host name`, {
        hint: "Take one of them out of dependencies:",
      });
    }
    if (name === request.name) {
      throw new UsageError(`Cannot name a run "${name}": its service has that host name`, {
        hint: "moat run --name app",
      });
    }
    seen.add(name);
  }
  if (all.length > MAX_COMPANIONS) {
    throw new MoatError(
      `Cannot start ${all.length} services: the network of a run has room for ${MAX_COMPANIONS}`,
      { hint: "Take some of them out of dependencies:" },
    );
  }
  if (all.length > 0 && request.network.mode === "host") {
    throw new MoatError(
      `Cannot start service "${
        all[0]?.name
      }": services stand on a run's own network, and this run has the host's`,
      { hint: "Take mode: host or --network host away" },
    );
  }
  if (facts.usesHostTools) refuseSamePort(services);
}

/** Servers of the host share one loopback. */
function refuseSamePort(services: readonly ServiceContribution[]): void {
  const byPort = new Map<number, string>();
  for (const { name, port } of services) {
    const other = byPort.get(port);
    if (other !== undefined) {
      throw new MoatError(
        `Cannot start service "${name}": "${other}" listens on port ${port} of the same address`,
        { hint: "moat run --runtime docker" },
      );
    }
    byPort.set(port, name);
  }
}
