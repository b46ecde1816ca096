/**
 * Makes the typed configuration of a file that has the right shape. Pure.
 *
 * @module
 */

import type { ReadyProbe } from "../plugin/contribution.ts";
import { parseDuration } from "../run/parse_amount.ts";
import { normalizeTarget, splitMount } from "./parse_mount.ts";
import { parseReach } from "./parse_reach.ts";
import type {
  ConfigMount,
  ConfigReady,
  ConfigSeed,
  ConfigService,
  ConfigUlimit,
  ProjectConfig,
} from "./project_config.ts";
import type { HomeFile, ProjectFile } from "./schema.ts";

/** The configuration; what was not written is empty. */
export function toProjectConfig(
  written: ProjectFile,
  { file, withoutEffect }: Pick<ProjectConfig, "file" | "withoutEffect">,
): ProjectConfig {
  const { hooks, network, container } = written;
  return {
    file,
    ...optional("name", written.name),
    ...optional("runtime", written.runtime),
    ...optional("sandbox", written.sandbox),
    dependencies: written.dependencies.map((entry) => entry.trim()),
    ...optional("baseImage", written.base_image),
    services: mapValues(written.services, toService),
    env: mapValues(written.env, String),
    mounts: written.mounts.map(toConfigMount),
    volumes: written.volumes.map((volume) => ({
      name: volume.name,
      target: normalizeTarget(volume.target),
      readOnly: volume.readonly,
      shared: volume.shared,
    })),
    ports: Object.entries(written.ports).map(([name, port]) => ({ name, port })),
    network: {
      mode: network?.mode ?? "private",
      policy: network?.policy ?? "permissive",
      rules: network?.rules ?? [],
      reach: (network?.rules ?? []).flatMap((rule) => parseReach(rule) ?? []),
      host: network?.host ?? [],
    },
    ...optional("command", toCommand(written.command)),
    interactive: written.interactive,
    hooks: {
      ...optional("postBuildRoot", hooks?.post_build_root),
      ...optional("postBuild", hooks?.post_build),
      ...optional("preRun", hooks?.pre_run),
    },
    container: {
      ...optional("memoryMib", container?.memory),
      ...optional("cpus", container?.cpus),
      dns: container?.dns ?? [],
      ulimits: Object.entries(container?.ulimits ?? {}).map(toUlimit),
    },
    trustHostCa: written.trust_host_ca,
    plugins: written.plugins,
    grants: written.grants,
    withoutEffect,
  };
}

/** A mount of either form. */
export function toConfigMount(
  written: ProjectFile["mounts"][number] | HomeFile["mounts"][number],
): ConfigMount {
  if (typeof written === "string") {
    const result = splitMount(written);
    if (result.kind === "mount") return result.mount;
    throw new TypeError(`The schema let a mount pass that ${result.state}`);
  }
  return {
    source: written.source,
    target: normalizeTarget(written.target),
    readOnly: written.mode === "ro",
    exclude: written.exclude.map(normalizeTarget),
  };
}

function toService(written: ProjectFile["services"][string]): ConfigService {
  return {
    ...optional("image", written.image),
    env: mapValues(written.env, String),
    wait: written.wait,
    ...optional("memory", written.memory),
    ...optional("command", toCommand(written.command)),
    ...optional("ready", toReady(written.ready)),
    ...optional("seed", toSeed(written.seed)),
    ...optional("keep", written.keep),
    ...optional("models", written.models),
  };
}

function toReady(written: ProjectFile["services"][string]["ready"]): ConfigReady | undefined {
  if (written === undefined) return undefined;
  const { timeout } = written;
  const timeoutMs = timeout === undefined ? undefined : parseDuration(String(timeout));
  return { ...optional("probe", toProbe(written)), ...optional("timeoutMs", timeoutMs) };
}

function toProbe(
  { tcp, http, command: written }: NonNullable<ProjectFile["services"][string]["ready"]>,
): ReadyProbe | undefined {
  if (tcp !== undefined) return { kind: "tcp", port: tcp };
  if (http !== undefined) return { kind: "http", ...http };
  const command = toCommand(written);
  return command === undefined ? undefined : { kind: "command", command };
}

function toSeed(written: ProjectFile["services"][string]["seed"]): ConfigSeed | undefined {
  if (written === undefined) return undefined;
  if (typeof written === "string") return { kind: "files", files: [written] };
  return "command" in written
    ? { kind: "command", command: toCommand(written.command) ?? [] }
    : { kind: "files", files: written };
}

function toCommand(written: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof written === "string" ? ["sh", "-c", written] : written;
}

function toUlimit(
  [name, value]: [string, number | { readonly soft: number; readonly hard: number }],
): ConfigUlimit {
  return typeof value === "number" ? { name, soft: value, hard: value } : { name, ...value };
}

function mapValues<V, W>(
  values: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

/** `{ [key]: value }`, or nothing when there is no value. */
function optional<const K extends string, V>(
  key: K,
  value: V | undefined,
): { readonly [_ in K]?: V } {
  const result: { [_ in K]?: V } = {};
  if (value !== undefined) result[key] = value;
  return result;
}
