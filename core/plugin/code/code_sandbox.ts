/**
 * The sandbox of a plugin that is code: moat itself, the plugin's files and what its manifest
 * declares, read-only but for a directory of its own; no network but the servers that it declares,
 * none of moat's environment.
 *
 * @module
 */

import { dirname, join } from "node:path";
import type { Context } from "../../context.ts";
import { createHomeId, createRunId, engineName, runLabels } from "../../ids.ts";
import { type ManifestPermissions, serverOf } from "../permissions.ts";
import type { ContainerSpec, Mount } from "../runtime.ts";
import {
  ANSWERS_DESCRIPTOR,
  CACHE_DIRECTORY,
  PLUGIN_DIRECTORY,
  PROGRAMS_DIRECTORY,
} from "./plugin_protocol.ts";

/** Where moat's own files are inside. */
const MOAT = "/moat";

/** Where the system's programs are. */
const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

const MIB = 1024 ** 2;

/** Moat's own watch ends a plugin earlier; these are the walls behind it. */
const LIMITS: ContainerSpec["limits"] = {
  memoryBytes: 512 * MIB,
  cpus: 2,
  ulimits: [
    { name: "data", soft: 2048 * MIB, hard: 2048 * MIB },
    { name: "fsize", soft: 16 * MIB, hard: 16 * MIB },
    { name: "nofile", soft: 256, hard: 256 },
    { name: "core", soft: 0, hard: 0 },
  ],
};

/** What the sandbox is made for. */
export interface CodeSandbox {
  /** The plugin's files on this machine. */
  readonly directory: string;
  readonly permissions: ManifestPermissions;
  /** Its own directory on this machine; there when it may write. */
  readonly cache?: string;
  /** Real paths of the programs that it may run, by name, where they are not the system's. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** The sandbox that runs `moat _plugin`. */
export async function codeSandboxSpec(
  { directory, permissions, cache, programs = {} }: CodeSandbox,
  { self, env }: Pick<Context, "self" | "env">,
): Promise<ContainerSpec> {
  const runId = createRunId();
  const moat = await moatInside(self, env);
  const command = [...moat.command, "_plugin"];
  return {
    name: engineName(runId),
    runId,
    labels: runLabels(createHomeId(), runId, "probe"),
    image: undefined,
    isolation: "namespaces",
    command: [
      "/bin/sh",
      "-c",
      `exec ${ANSWERS_DESCRIPTOR}>&1 1>/dev/null; exec "$@"`,
      "moat",
      ...command,
    ],
    workdir: "/",
    env: {
      ...moat.env,
      ...declared(permissions.env ?? [], env),
      ...(Object.keys(programs).length === 0 ? {} : { PATH: `${PROGRAMS_DIRECTORY}:${PATH}` }),
    },
    hostname: "plugin",
    mounts: [
      ...moat.mounts,
      readOnly(directory, PLUGIN_DIRECTORY),
      ...await shown(permissions.read ?? []),
      ...Object.entries(programs).map(([name, path]) =>
        readOnly(path, `${PROGRAMS_DIRECTORY}/${name}`)
      ),
      ...(cache === undefined ? [] : [
        { kind: "bind", source: cache, target: CACHE_DIRECTORY, readOnly: false } as const,
      ]),
    ],
    network: { kind: "none", ...reach(permissions.net ?? []) },
    dns: [],
    hosts: [],
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    toolPaths: [],
    groups: [],
    privileged: false,
    limits: LIMITS,
    tty: false,
    stdin: true,
    detached: false,
  };
}

/** Moat's program inside; run from source, it is Deno, the source and Deno's cache. */
async function moatInside(
  [program = "", ...words]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{
  readonly command: readonly string[];
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
}> {
  const inside = `${MOAT}/program`;
  const main = words.find((word) => word.endsWith(".ts"));
  const mounts = [readOnly(await Deno.realPath(program), inside)];
  if (main === undefined) return { command: [inside, ...words], mounts, env: {} };
  const source = `${MOAT}/source`;
  const cache = env.DENO_DIR ?? join(env.HOME ?? "/", ".cache/deno");
  return {
    command: [
      inside,
      ...words.map((word) => word === main ? `${source}${word.slice(dirname(main).length)}` : word),
    ],
    mounts: [...mounts, readOnly(dirname(main), source), readOnly(cache, `${MOAT}/cache`)],
    env: { DENO_DIR: `${MOAT}/cache` },
  };
}

function reach(servers: readonly string[]): { readonly reach?: readonly string[] } {
  return servers.length === 0 ? {} : { reach: servers.map(serverOf) };
}

function declared(
  names: readonly string[],
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value]];
  }));
}

/**
 * Declared paths that are not there are left out: a plugin may look for what not every machine has.
 * So are sockets, which lead to a server however read-only they are shown.
 */
async function shown(paths: readonly string[]): Promise<readonly Mount[]> {
  const found = await Promise.all(
    paths.map(async (path) => await canBeShown(path) ? [readOnly(path, path)] : []),
  );
  return found.flat();
}

async function canBeShown(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isSocket !== true;
  } catch (error) {
    // What this user cannot see is not there for the plugin, either.
    if (error instanceof Error) return false;
    throw error;
  }
}

function readOnly(source: string, target: string): Mount {
  return { kind: "bind", source, target, readOnly: true };
}
