/**
 * A container as the engine wants it described. Pure.
 *
 * The init goes along in a variable rather than as a file: copying a file into a container costs
 * 45 to 70 ms on engines of the 20.10 line. It starts as root; `no-new-privileges` is not set, as
 * images may bring sudo on purpose and the wall is around the container, not inside it.
 *
 * @module
 */

import { posix } from "node:path";
import type { ContainerSpec, Isolation, Mount } from "../../core/plugin/runtime.ts";
import { isAtLeast } from "./api_version.ts";

const HOME = "/home/moatuser";
/** What the engine keeps of a run's output until it is copied into the run's own log. */
export const LOG_OPTIONS = { "max-size": "64m", "max-file": "4" };

/** The OCI runtime that gives gVisor. */
export const GVISOR_RUNTIME = "runsc";

/** What a container's description depends on besides its spec. */
export interface ContainerBodyOptions {
  /** Text of the init. */
  readonly init: string;
  readonly apiVersion: string;
}

/** The body of `POST /containers/create`. */
export function containerBody(
  spec: ContainerSpec,
  { init, apiVersion }: ContainerBodyOptions,
): Record<string, unknown> {
  return {
    Image: spec.image ?? "",
    Hostname: spec.hostname,
    User: "0:0",
    Entrypoint: ["/bin/sh", "-c", 'eval "$MOAT_INIT"', "moat-init"],
    Cmd: spec.command,
    Env: containerEnv(spec, init),
    // Engines make this directory, which spares the init a program; the init goes to the real one.
    WorkingDir: HOME,
    Labels: spec.labels,
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdin && !spec.tty,
    StopSignal: "SIGTERM",
    Healthcheck: { Test: ["NONE"] },
    HostConfig: hostConfig(spec, apiVersion),
    ...(spec.network.kind === "own" ? networkingConfig(spec.network) : {}),
  };
}

/** The address in a container's network, where one was chosen. */
export function networkingConfig(
  { name, address }: { readonly name: string; readonly address?: string },
): Record<string, unknown> {
  if (address === undefined) return {};
  const endpoint = { IPAMConfig: { IPv4Address: address } };
  return { NetworkingConfig: { EndpointsConfig: { [name]: endpoint } } };
}

/** What runs and companions are described alike by. */
export function sharedHostConfig(
  { isolation, mounts, dns, hosts, privileged, limits }:
    & Pick<ContainerSpec, "mounts" | "dns" | "hosts" | "privileged" | "limits">
    & { readonly isolation?: Isolation },
): Record<string, unknown> {
  return {
    ...(isolation === "gvisor" ? { Runtime: GVISOR_RUNTIME } : {}),
    Mounts: mounts.filter(({ kind }) => kind !== "tmpfs").map(engineMount),
    Dns: dns,
    ExtraHosts: hosts.map(({ name, address }) => `${name}:${address}`),
    Privileged: privileged,
    Init: false,
    ...(limits.memoryBytes === undefined ? {} : { Memory: limits.memoryBytes }),
    ...(limits.cpus === undefined ? {} : { NanoCpus: Math.round(limits.cpus * 1e9) }),
    Ulimits: (limits.ulimits ?? []).map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
  };
}

/** The isolation that an OCI runtime's name stands for. */
export function isolationOf(ociRuntime: string): Isolation {
  return /runsc|gvisor/i.test(ociRuntime) ? "gvisor" : "container";
}

function hostConfig(spec: ContainerSpec, apiVersion: string): Record<string, unknown> {
  const tmpfs = spec.mounts.filter(({ kind }) => kind === "tmpfs");
  return {
    ...sharedHostConfig(spec),
    NetworkMode: spec.network.kind === "own" ? spec.network.name : spec.network.kind,
    Tmpfs: Object.fromEntries(tmpfs.map(({ target, readOnly }) => [
      target,
      `${readOnly ? "ro" : "rw"},uid=${spec.uid},gid=${spec.gid},mode=755`,
    ])),
    GroupAdd: spec.groups.map(String),
    LogConfig: logConfig(spec, apiVersion),
    ...(spec.size === undefined ? {} : { ConsoleSize: [spec.size.rows, spec.size.columns] }),
  };
}

/**
 * Whoever may have to read output back later needs the engine to keep it: nobody is attached, or a
 * terminal that can be handed over. `local` keeps bytes as they are, `json-file` only text; but the
 * `local` of engines before 23 loses the ends of long lines, without which a terminal's entries
 * cannot be told apart.
 */
function logConfig(
  { detached, tty }: ContainerSpec,
  apiVersion: string,
): Record<string, unknown> {
  if (!detached && !tty) return { Type: "none", Config: {} };
  const type = tty && !isAtLeast(apiVersion, "1.42") ? "json-file" : "local";
  return { Type: type, Config: LOG_OPTIONS };
}

function engineMount({ kind, source, target, readOnly }: Mount): Record<string, unknown> {
  return { Type: kind, Source: source, Target: target, ReadOnly: readOnly };
}

/** Later entries win on the engine, so what the init reads comes last. */
function containerEnv(spec: ContainerSpec, init: string): readonly string[] {
  const env: Record<string, string> = {
    HOME,
    USER: spec.uid === 0 ? "root" : "moatuser",
    ...spec.env,
    MOAT_UID: String(spec.uid),
    MOAT_GID: String(spec.gid),
    MOAT_WORKDIR: spec.workdir,
    MOAT_INIT: init,
  };
  if (spec.groups.length > 0) env.MOAT_GROUPS = spec.groups.join(" ");
  const own = ownedDirectories(spec);
  if (own.length > 0) env.MOAT_OWN = own.join("\n");
  if (spec.preRun !== undefined) env.MOAT_PRE_RUN = spec.preRun;
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** Variables that only the init needs; an exec is not to see them. */
export const INIT_VARIABLES = [
  "MOAT_INIT",
  "MOAT_GROUPS",
  "MOAT_OWN",
  "MOAT_PRE_RUN",
  "MOAT_WORKDIR",
] as const;

/**
 * Directories that the engine makes for root though they are the user's: writable volumes, and what
 * lies between the home and a mount in it.
 */
function ownedDirectories({ mounts, uid }: ContainerSpec): readonly string[] {
  if (uid === 0) return [];
  const own = new Set<string>();
  for (const { kind, source, target, readOnly } of mounts) {
    if (kind === "volume" && source !== "" && !readOnly) own.add(target);
    let above = posix.dirname(posix.normalize(target));
    for (; above.startsWith(`${HOME}/`); above = posix.dirname(above)) own.add(above);
  }
  for (const { kind, target } of mounts) if (kind === "bind") own.delete(target);
  return [...own];
}
