/**
 * A container as the engine wants it described. Pure.
 *
 * The init goes along in a variable rather than as a file: copying a file into a container costs
 * 45 to 70 ms on engines of the 20.10 line. It starts as root; `no-new-privileges` is not set, as
 * images may bring sudo on purpose and the wall is around the container, not inside it.
 *
 * @module
 */

import type { ContainerSpec, Isolation, Mount } from "../../core/plugin/runtime.ts";
import { INIT_COMMAND, initEnvironment, RUN_HOME } from "../../core/image/init_environment.ts";
import { isAtLeast } from "./api_version.ts";

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
    Entrypoint: INIT_COMMAND,
    Cmd: spec.command,
    Env: Object.entries(initEnvironment(spec, init)).map(([name, value]) => `${name}=${value}`),
    // Engines make this directory, which spares the init a program; the init goes to the real one.
    WorkingDir: RUN_HOME,
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
