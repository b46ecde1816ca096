/**
 * Plans a run: pure, the same request and machine give the same plan.
 *
 * Merges what the dependencies contribute and knows none of them by name. What only a step can
 * know (a subnet) is left to the step; secret values stay references.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { posix } from "node:path";
import { normalizeTarget } from "../config/parse_mount.ts";
import { protectedMounts } from "../config/protected_mounts.ts";
import { trustedSettings } from "../config/trusted_settings.ts";
import { MoatError } from "../errors.ts";
import { engineName } from "../ids.ts";
import type { ContributionOf } from "../plugin/contribution.ts";
import type { Reach } from "../plugin/router.ts";
import type { Isolation, Mount, RuntimeFacts } from "../plugin/runtime.ts";
import { isolationRank } from "./choose_runtime.ts";
import { endpointVariables, ROUTER_VARIABLES } from "./endpoint_url.ts";
import {
  type ImagePlan,
  type NetworkPlan,
  PLAN_SCHEMA,
  type RunPlan,
  type ServiceSeed,
} from "./plan.ts";
import { planAuthority } from "./plan_authority.ts";
import { type HostTools, planCompanions, type PlannedCompanions } from "./plan_companions.ts";
import { planPrivileged } from "./plan_privileged.ts";
import type { EnvValue, RunRequest } from "./request.ts";
import { describeClash, type InsidePlan, planReach } from "./router_inside.ts";
import { withoutProxy } from "./without_proxy.ts";

const WORKSPACE = "/workspace";

/** What was found out about the machine; plain data. */
export interface Machine {
  /** The user who runs moat. */
  readonly caller: { readonly uid: number; readonly gid: number };
  /** MOAT_HOME: part of the key of volumes. */
  readonly moatHome: string;
  readonly term: string | undefined;
  readonly facts: RuntimeFacts;
  readonly isolation: Isolation;
  readonly reason: string;
  readonly notices: readonly string[];
  /** What would have been chosen without `runtime:` in the file; there when the file names one. */
  readonly automaticIsolation?: Isolation;
  readonly tools: HostTools;
  /** The port on which the router will serve, as far as that is known before it does. */
  readonly routerPort?: number;
  /** Those of each service's own server, by service. */
  readonly serviceTools?: Readonly<Record<string, HostTools>>;
}

/** What the dependencies add. */
export interface PlanInputs {
  readonly contributions: readonly ContributionOf[];
  /** There when the runtime has images. */
  readonly image?: ImagePlan;
  /** What services are filled with, by service. */
  readonly seeds?: Readonly<Record<string, ServiceSeed>>;
}

/** Plans the run. @throws MoatError for what cannot be planned: two mounts on one target */
export function planRun(request: RunRequest, machine: Machine, inputs: PlanInputs): RunPlan {
  const { facts, isolation } = machine;
  const name = engineName(request.id);
  const ids = commandIds(request, machine);
  const privileged = planPrivileged(inputs.contributions, isolation);
  const companions = planCompanions(request, {
    facts,
    isolation,
    contributions: inputs.contributions,
    serviceTools: machine.serviceTools ?? {},
    seeds: inputs.seeds ?? {},
    volumeName: (volume) => volumeName(volume, request, { moatHome: machine.moatHome }),
  });
  const volumes = planVolumes(request, machine.moatHome);
  const mounts = planMounts(request, inputs, { facts, volumes });
  const network = planNetwork(request, facts, name);
  const { reach, notices } = planReach(request, facts);
  const env = planEnv(request, machine, { inputs, companions, reach });
  const authority = planAuthority(request, { facts, mounts, env });
  const inside = {
    name: request.name,
    network,
    endpoints: request.endpoints,
    reach,
    services: companions.services,
  };
  return {
    schema: PLAN_SCHEMA,
    id: request.id,
    name: request.name,
    project: request.project.path,
    detached: request.detached,
    keep: request.keep,
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    runtime: {
      id: facts.id,
      target: facts.target,
      description: facts.description,
      reason: machine.reason,
      isolation,
      ...(isolationRank(isolation) < isolationRank(facts.defaultIsolation)
        ? { reducedFrom: facts.defaultIsolation }
        : {}),
    },
    ...(inputs.image === undefined ? {} : { image: inputs.image }),
    container: {
      name,
      command: request.command ?? ["bash"],
      workdir: facts.workspace,
      hostname: request.name,
      ...ids,
      env,
      ...(authority === undefined ? {} : { authority }),
      mounts,
      toolPaths: machine.tools.paths,
      groups: unique(
        inputs.contributions.flatMap(({ contribution }) => contribution.groups ?? []),
      ),
      privileged: privileged.isPrivileged,
      ...(privileged.reason === undefined ? {} : { privilegedFor: privileged.reason }),
      dns: request.config.container.dns,
      limits: { ...request.limits, ulimits: request.config.container.ulimits },
      tty: givesTerminal(request, facts),
      ...(request.config.hooks.preRun === undefined ? {} : { preRun: request.config.hooks.preRun }),
    },
    network,
    volumes: [...volumes.map(({ name }) => name), ...companions.volumes]
      .map((volume) => ({ name: volume })),
    endpoints: request.endpoints,
    ...(reach.length === 0 ? {} : { reach }),
    services: companions.services,
    sidecars: companions.sidecars,
    trust: trustedSettings(request, {
      chosenRank: isolationRank(isolation),
      automaticRank: isolationRank(machine.automaticIsolation ?? isolation),
      isolation,
    }),
    warnings: [
      ...planWarnings(request, machine, { inputs, uid: ids.uid }),
      ...privileged.warnings,
      ...companions.warnings,
    ],
    notices: [...planNotices(request, machine), ...notices, ...planClash(inside, machine)],
  };
}

/**
 * The project's owner on engines, so that both sides can write the project; 0 where ids are
 * shifted. On host tools the caller's own, as only root can become somebody else.
 */
function commandIds(request: RunRequest, { caller, facts }: Machine): { uid: number; gid: number } {
  if (facts.shiftedIds) return { uid: 0, gid: 0 };
  if (facts.usesHostTools && caller.uid !== 0) return { uid: caller.uid, gid: caller.gid };
  const { uid, gid } = request.project;
  return uid === 0 ? { uid: 0, gid: 0 } : { uid, gid };
}

/** A terminal that nobody could come back to is of no use to a detached run. */
function givesTerminal({ tty, detached }: RunRequest, { abilities }: RuntimeFacts): boolean {
  return tty && (!detached || abilities.includes("reattach"));
}

/** Moat's own variables come before the file's, those before what was typed. */
function planEnv(
  request: RunRequest,
  { term, tools, facts }: Machine,
  { inputs, companions, reach }: {
    readonly inputs: PlanInputs;
    readonly companions: PlannedCompanions;
    readonly reach: readonly Reach[];
  },
): Record<string, EnvValue> {
  const texts: Record<string, string> = {};
  for (const { contribution: { env, initSteps = [] } } of inputs.contributions) {
    Object.assign(texts, env, ...initSteps.map((step) => step.env));
  }
  texts.MOAT_RUN_ID = request.id;
  texts.MOAT_RUN_NAME = request.name;
  if (givesTerminal(request, facts) && term !== undefined) texts.TERM = term;
  if (tools.bin.length > 0) {
    texts.PATH = [
      ...tools.bin,
      "/usr/local/bin",
      "/usr/bin",
      "/bin",
      "/usr/local/sbin",
      "/usr/sbin",
      "/sbin",
    ]
      .join(":");
  }
  const own = Object.entries(texts).map(([key, text]) => [key, { kind: "text", text }] as const);
  const references = {
    ...endpointVariables(request.name, request.endpoints),
    ...(reach.length === 0 ? {} : ROUTER_VARIABLES),
  };
  const later = Object.entries(references)
    .map(([key, reference]) => [key, { kind: "later", reference }] as const);
  return withoutProxy(
    { ...Object.fromEntries(own), ...Object.fromEntries(later), ...companions.env, ...request.env },
    [...companions.sidecars.map(({ name }) => name), ...routerHosts(request)],
  );
}

/** What a proxy that the user set up must not get: it does not know these names. */
function routerHosts({ env, endpoints, config }: RunRequest): readonly string[] {
  const hasProxy = Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name));
  const isReached = endpoints.length + config.network.reach.length > 0;
  return hasProxy && isReached ? ["localhost", ".localhost"] : [];
}

interface PlannedVolume {
  readonly name: string;
  readonly target: string;
  readonly readOnly: boolean;
}

function planVolumes(
  { config, project }: RunRequest,
  moatHome: string,
): readonly PlannedVolume[] {
  return config.volumes.map(({ name, target, readOnly, shared }) => {
    const options = { moatHome, ...(shared ? { scope: `shared\0${config.name}` } : {}) };
    return { name: volumeName(name, { config, project }, options), target, readOnly };
  });
}

/** The engine's name for a volume of the project, or of another scope. */
function volumeName(
  name: string,
  { config, project }: Pick<RunRequest, "config" | "project">,
  { moatHome, scope = project.path }: { readonly moatHome: string; readonly scope?: string },
): string {
  const digest = createHash("sha256").update(`${moatHome}\0${scope}`).digest("hex").slice(0, 12);
  return `moat-${config.name ?? "project"}-${name}-${digest}`;
}

function planMounts(
  request: RunRequest,
  { contributions }: PlanInputs,
  { facts, volumes }: { readonly facts: RuntimeFacts; readonly volumes: readonly PlannedVolume[] },
): readonly Mount[] {
  const extra: Mount[] = [
    ...request.mounts.flatMap(({ source, target, readOnly, exclude }): Mount[] => [
      { kind: "bind", source, target, readOnly },
      ...exclude.map((path): Mount => ({
        kind: "tmpfs",
        source: "",
        target: posix.join(target, path),
        readOnly: false,
      })),
    ]),
    ...volumes.map(({ name, target, readOnly }): Mount => ({
      kind: "volume",
      source: name,
      target,
      readOnly,
    })),
    ...contributions.flatMap(({ contribution }) => contribution.mounts ?? []),
  ];
  refuseDoubleTargets([{ target: facts.workspace }, ...extra]);
  return [
    { kind: "bind", source: request.project.path, target: facts.workspace, readOnly: false },
    ...protectedMounts(request, facts.workspace),
    ...extra,
  ];
}

function refuseDoubleTargets(mounts: readonly { readonly target: string }[]): void {
  const seen = new Set<string>();
  for (const { target } of mounts) {
    const path = normalizeTarget(target);
    if (seen.has(path) || path === "/") {
      throw new MoatError(`Cannot mount twice at "${target}": something is mounted there already`, {
        hint: `Give each mount and volume a target of its own; ${WORKSPACE} is the project`,
      });
    }
    seen.add(path);
  }
}

function planNetwork(request: RunRequest, facts: RuntimeFacts, name: string): NetworkPlan {
  if (request.network.mode === "host") return { kind: "host" };
  return facts.abilities.includes("networks")
    ? { kind: "own", name, pool: request.networkPool }
    : { kind: "sandbox" };
}

function planWarnings(
  request: RunRequest,
  { facts, isolation }: Machine,
  { inputs, uid }: { readonly inputs: PlanInputs; readonly uid: number },
): readonly string[] {
  const warnings = inputs.contributions.flatMap(({ contribution }) => contribution.warnings ?? []);
  if (request.isolation?.want === "none" && facts.defaultIsolation !== isolation) {
    warnings.push(
      `Isolation is reduced: ${
        facts.defaultIsolation === "gvisor" ? "gVisor" : facts.defaultIsolation
      } is off, ` +
        "the run shares the host's kernel",
    );
  }
  if (uid === 0) {
    warnings.push(
      facts.shiftedIds
        ? "The command runs as uid 0 inside, which this engine maps to an ordinary user"
        : "The command runs as uid 0 inside, as the project's owner is root (MOAT_UID=0)",
    );
  }
  if (request.network.mode === "host") {
    warnings.push("The run shares the host's network: it reaches what listens on 127.0.0.1");
  }
  return warnings;
}

function planNotices(
  request: RunRequest,
  { facts, isolation, notices }: Machine,
): readonly string[] {
  const all = [...notices, ...facts.notices];
  if (request.isolation?.want === "none" && facts.defaultIsolation === isolation) {
    all.push(`Isolation "none" has no effect on runtime "${facts.id}"`);
  }
  if (request.tty && !givesTerminal(request, facts)) {
    all.push(`Runtime "${facts.id}" gives no terminal to a detached run`);
  }
  if (request.endpoints.length > 0 && !facts.abilities.includes("dial")) {
    all.push(
      `Runtime "${facts.id}" opens no connections into a run: its endpoints cannot be reached`,
    );
  }
  const { withoutEffect } = request.config;
  if (withoutEffect.length > 0) {
    all.push(`Without effect yet: ${withoutEffect.join(", ")}`);
  }
  return all;
}

function planClash(inside: InsidePlan, { routerPort, facts }: Machine): readonly string[] {
  if (routerPort === undefined || !facts.abilities.includes("accept")) return [];
  const clash = describeClash(inside, routerPort);
  return clash === undefined ? [] : [clash];
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
