/**
 * What has become of a sandbox, from what it left and what still lives.
 *
 * @module
 */

import type { ContainerState, ExitStatus } from "../../core/plugin/runtime.ts";
import { wasOutOfMemory } from "./cgroup.ts";
import { isAlive } from "./process_identity.ts";
import {
  readExitCode,
  readProcess,
  readText,
  type SandboxPaths,
  type SandboxProcess,
  type SandboxRecord,
} from "./sandbox_state.ts";

/** The state as `inspect()` gives it. */
export async function readSandboxState(
  { name, backend }: SandboxRecord,
  paths: SandboxPaths,
): Promise<ContainerState> {
  const always = { name, isolation: "namespaces", isolatedBy: backend, addresses: [] } as const;
  const process = await readProcess(paths);
  if (process === undefined) return { ...always, status: "created" };
  const startedAt = new Date(process.startedAt);
  if (isAlive(process)) return { ...always, status: "running", startedAt };
  const written = await modified(paths.exit);
  // The kernel stamps files by a clock that is up to a tick behind.
  const finishedAt = written && written < startedAt ? startedAt : written;
  return {
    ...always,
    status: "exited",
    exit: await readExitStatus(paths, process),
    startedAt,
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** How a sandbox that has ended did so; without a code of its own, process 1 was killed. */
export async function readExitStatus(
  paths: SandboxPaths,
  { groups }: SandboxProcess,
): Promise<ExitStatus> {
  const code = await readExitCode(paths) ?? 137;
  const reason = (await readText(paths.reason))?.trim();
  return {
    code,
    oomKilled: code === 137 && await wasOutOfMemory(groups),
    ...(reason === undefined ? {} : { reason }),
  };
}

async function modified(path: string): Promise<Date | undefined> {
  try {
    return (await Deno.stat(path)).mtime ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
