/**
 * Joins flags, environment, moat.yaml and the home's configuration to one request.
 *
 * Reads files and looks at the project; creates nothing. Flags win over variables, those over the
 * file. Values of `-e` and `--env-file` are secrets: only their names are in the request's plan.
 *
 * @module
 */

import { resolve } from "node:path";
import { resolveMount } from "../config/resolve_mount.ts";
import type { HomeConfig, ProjectConfig } from "../config/project_config.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { createRunId, isDnsLabel } from "../ids.ts";
import { isSandboxOff } from "./is_sandbox_off.ts";
import { createRunName } from "./names.ts";
import { parseCpus, parseDuration, parseEndpoint, parseMemory } from "./parse_amount.ts";
import type { EnvValue, Origin, RunFlags, RunRequest } from "./request.ts";

/** Subnets of runs are taken from here (behaviour.md, `network.pool`). */
const DEFAULT_POOL = "10.213.0.0/16";
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What was read before. */
export interface ResolveRequestOptions {
  readonly project: RunRequest["project"];
  readonly config: ProjectConfig;
  readonly homeConfig: HomeConfig;
}

/** Makes the request of one run. @throws UsageError for anything typed that cannot be meant */
export async function resolveRequest(
  flags: RunFlags,
  context: Context,
  { project, config, homeConfig }: ResolveRequestOptions,
): Promise<RunRequest> {
  const { env, secrets } = await resolveEnv(flags, context, config);
  const command = flags.command ?? config.command;
  if (flags.command?.length === 0) {
    throw new UsageError("Cannot run an empty command: nothing stands behind --", {
      hint: "moat run -- npm test",
    });
  }
  const size = context.stdio.size();
  const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout);
  const runtime = resolveRuntime(flags, context, config);
  const isolation = resolveIsolation(flags, context, config);
  return {
    id: createRunId(),
    name: resolveName(flags, config),
    project,
    config,
    ...(runtime === undefined ? {} : { runtime }),
    ...(isolation === undefined ? {} : { isolation }),
    dependencies: [
      ...config.dependencies.map((text) => ({ text, origin: "project" as const })),
      ...(flags.dep ?? []).map((text) => ({ text, origin: "typed" as const })),
    ],
    env,
    secrets,
    mounts: await resolveMounts(flags, context, { project, config, homeConfig }),
    endpoints: resolveEndpoints(flags, config),
    network: flags.network === undefined
      ? { mode: config.network.mode, origin: "project" }
      : { mode: flags.network, origin: "typed" },
    ...(command === undefined ? {} : { command }),
    tty: wantsTerminal(flags, context, { interactive: config.interactive, command }),
    ...(size === undefined ? {} : { size }),
    detached: flags.detach ?? false,
    keep: flags.keep ?? false,
    rebuild: flags.rebuild ?? false,
    allowConfigWrite: flags.allowConfigWrite ?? false,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    limits: resolveLimits(flags, config),
    networkPool: homeConfig.networkPool ?? DEFAULT_POOL,
  };
}

function resolveName(flags: RunFlags, config: ProjectConfig): string {
  const name = flags.name ?? config.name ?? createRunName();
  if (!isDnsLabel(name)) {
    throw new UsageError(`Cannot name a run "${name}": it is not a DNS label`, {
      hint: "Use 1 to 63 of a-z, 0-9 and -, with no - at either end",
    });
  }
  return name;
}

function resolveRuntime(
  flags: RunFlags,
  { env }: Context,
  config: ProjectConfig,
): RunRequest["runtime"] {
  const typed = flags.runtime ?? (env.MOAT_RUNTIME || undefined);
  if (typed !== undefined) return { id: typed, origin: "typed" };
  return config.runtime === undefined ? undefined : { id: config.runtime, origin: "project" };
}

function resolveIsolation(
  flags: RunFlags,
  { env }: Context,
  config: ProjectConfig,
): RunRequest["isolation"] {
  if (flags.isolation !== undefined) return { want: flags.isolation, origin: "typed" };
  if (isSandboxOff(env)) return { want: "none", origin: "typed" };
  return config.sandbox === "none" ? { want: "none", origin: "project" } : undefined;
}

/** Precedence: `-e`, then `--env-file`, then `env:` of the file. */
async function resolveEnv(
  flags: RunFlags,
  context: Context,
  config: ProjectConfig,
): Promise<{ env: Record<string, EnvValue>; secrets: Map<string, string> }> {
  const env: Record<string, EnvValue> = {};
  const secrets = new Map<string, string>();
  for (const [name, text] of Object.entries(config.env)) env[name] = { kind: "text", text };
  const fromFiles = await Promise.all(
    (flags.envFile ?? []).map((file) => readEnvFile(file, context)),
  );
  const typed = (flags.env ?? []).map((text) => parseEnvAssignment(text, context.env, "--env"));
  for (const [name, value] of [...fromFiles.flat(), ...typed]) {
    if (value === undefined) continue;
    env[name] = { kind: "secret", key: name };
    secrets.set(name, value);
  }
  return { env, secrets };
}

/** `K=V`, or `K` with the value of moat's own environment; `undefined` where that has none. */
function parseEnvAssignment(
  text: string,
  outer: Readonly<Record<string, string>>,
  where: string,
): [string, string | undefined] {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  if (!ENV_NAME.test(name)) {
    throw new UsageError(`Cannot read ${where}: "${name}" is not a variable's name`, {
      hint: "Write it as NAME=value, or NAME to pass yours on",
    });
  }
  const value = at < 0 ? outer[name] : text.slice(at + 1);
  if (value?.includes("\0")) {
    throw new UsageError(`Cannot set variable "${name}": its value has a NUL byte`);
  }
  return [name, value];
}

async function readEnvFile(
  file: string,
  context: Context,
): Promise<[string, string | undefined][]> {
  let text: string;
  try {
    text = await Deno.readTextFile(resolve(context.cwd, file));
  } catch (cause) {
    throw new UsageError(`Cannot read --env-file "${file}": it cannot be opened`, { cause });
  }
  return text.split(/\r?\n/).flatMap((line, index) =>
    line.trim() === "" || line.trimStart().startsWith("#")
      ? []
      : [parseEnvAssignment(line, context.env, `${file}:${index + 1}`)]
  );
}

async function resolveMounts(
  flags: RunFlags,
  { cwd, env }: Context,
  { project, config, homeConfig }: ResolveRequestOptions,
): Promise<RunRequest["mounts"]> {
  const home = env.HOME ?? "/";
  const of = (mounts: ProjectConfig["mounts"], base: string, origin: Origin) =>
    mounts.map(async (mount) => ({
      ...await resolveMount(mount, { base, home, project: project.path }),
      origin,
    }));
  const { parseMount } = await import("../config/parse_mount.ts");
  const typed = (flags.mount ?? []).map((text) => parseMount(text));
  return await Promise.all([
    ...of(homeConfig.mounts.map((mount) => ({ ...mount, readOnly: true })), home, "home"),
    ...of(config.mounts, project.path, "project"),
    ...of(typed, cwd, "typed"),
  ]);
}

function resolveEndpoints(flags: RunFlags, config: ProjectConfig): RunRequest["endpoints"] {
  const byName = new Map(config.ports.map(({ name, port }) => [name, port]));
  for (const { name, port } of (flags.port ?? []).map(parseEndpoint)) byName.set(name, port);
  return [...byName].map(([name, port]) => ({ name, port }));
}

function resolveLimits(flags: RunFlags, { container }: ProjectConfig): RunRequest["limits"] {
  const memoryBytes = flags.memory !== undefined
    ? parseMemory(flags.memory)
    : container.memoryMib === undefined
    ? undefined
    : container.memoryMib * 1024 ** 2;
  const cpus = flags.cpus === undefined ? container.cpus : parseCpus(flags.cpus);
  return {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cpus === undefined ? {} : { cpus }),
  };
}

/** A terminal needs one on both sides, or nobody attached; see behaviour.md, Commands. */
function wantsTerminal(
  flags: RunFlags,
  { stdio }: Context,
  { interactive, command }: { readonly interactive: boolean; readonly command: unknown },
): boolean {
  if (flags.detach) return flags.tty ?? false;
  const wanted = flags.tty || flags.interactive || interactive || command === undefined;
  return Boolean(wanted) && stdio.inputIsTerminal && stdio.outputIsTerminal;
}
