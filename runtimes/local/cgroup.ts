/**
 * Limits of a sandbox by control groups, where this user may make them: version 2 delegated or as
 * root, version 1 as root.
 *
 * Never RLIMIT_AS: it limits addresses, not memory, and stops programs that reserve much and use
 * little (Node.js, Go, Java).
 *
 * @module
 */

import { join } from "node:path";
import {
  type CgroupFacts,
  type Controller,
  controllerParent,
  CONTROLLERS,
} from "./cgroup_layout.ts";
import type { LimitsRequest } from "./network/contract.ts";

/** Processes and threads of one sandbox where nothing else was asked for: a fork bomb ends here. */
const MAX_PROCESSES = 4096;

/** Length of the interval that shares of processors refer to. */
const CPU_PERIOD_US = 100_000;

/** Time for the last processes of a group to be reaped. */
const REMOVE_TIMEOUT_MS = 1_000;

/** What was made, and what the user should know. */
export interface AppliedLimits {
  readonly notices: readonly string[];
  /** Directories of the groups. */
  readonly groups: readonly string[];
}

/** Puts the process into groups with the limits. Limits that cannot be set become one notice. */
export async function applyLimits(
  { name, limits, pid }: LimitsRequest,
  facts?: CgroupFacts,
): Promise<AppliedLimits> {
  const known = facts ?? await readFacts();
  if (known === undefined) return { notices: [], groups: [] };
  const groups = new Set<string>();
  const failed: string[] = [];
  const wanted = [
    { controller: "memory", value: limits.memoryBytes, asked: "memory" },
    { controller: "cpu", value: limits.cpus, asked: "cpus" },
    { controller: "pids", value: MAX_PROCESSES, asked: undefined },
  ] as const;
  for (const { controller, value, asked } of wanted) {
    if (value === undefined) continue;
    try {
      groups.add(await applyLimit({ controller, value }, { name, pid, facts: known }));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (asked !== undefined) failed.push(asked);
    }
  }
  const notices = failed.length === 0 ? [] : [
    `Limits that cannot be enforced here: ${failed.join(", ")} ` +
    "(this user may make no control groups)",
  ];
  return { notices, groups: [...groups] };
}

/** Groups of that name, for a sandbox whose start was cut off before they were written down. */
export async function findGroups(name: string): Promise<readonly string[]> {
  const facts = await readFacts();
  if (facts === undefined) return [];
  const parents = CONTROLLERS.map((controller) => controllerParent(controller, facts)?.path);
  const candidates = new Set(
    parents.flatMap((path) => path === undefined ? [] : [join(path, name)]),
  );
  const found = await Promise.all(
    [...candidates].map(async (path) => await isThere(path) ? [path] : []),
  );
  return found.flat();
}

/** Whether the kernel killed a process of the groups for want of memory. */
export async function wasOutOfMemory(groups: readonly string[]): Promise<boolean> {
  for (const group of groups) {
    for (const file of ["memory.events", "memory.oom_control"]) {
      const kills = /^oom_kill (\d+)$/m.exec(await readIfThere(join(group, file)))?.[1];
      if (Number(kills ?? 0) > 0) return true;
    }
  }
  return false;
}

/** Removes the groups. A group whose processes are still there after a moment stays. Idempotent. */
export async function removeLimits(groups: readonly string[]): Promise<void> {
  for (const group of groups) {
    const deadline = Date.now() + REMOVE_TIMEOUT_MS;
    while (await removeGroup(group) === "busy" && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function applyLimit(
  { controller, value }: { readonly controller: Controller; readonly value: number },
  { name, pid, facts }: {
    readonly name: string;
    readonly pid: number;
    readonly facts: CgroupFacts;
  },
): Promise<string> {
  const parent = controllerParent(controller, facts);
  if (parent === undefined) throw new Deno.errors.NotFound(`no controller ${controller}`);
  if (parent.version === 2) {
    await Deno.writeTextFile(join(parent.path, "cgroup.subtree_control"), `+${controller}`);
  }
  const group = join(parent.path, name);
  await Deno.mkdir(group, { recursive: true });
  try {
    for (const [file, text] of settings(controller, { value, version: parent.version })) {
      await writeSetting(join(group, file), text);
    }
    await Deno.writeTextFile(join(group, "cgroup.procs"), String(pid), { create: false });
  } catch (error) {
    await removeGroup(group);
    throw error;
  }
  return group;
}

/** Files of a group and what to write into them, in order; `?` marks those that may not exist. */
function settings(
  controller: Controller,
  { value, version }: { readonly value: number; readonly version: 1 | 2 },
): readonly (readonly [string, string])[] {
  const whole = String(Math.floor(value));
  if (controller === "pids") return [["pids.max", whole]];
  if (controller === "cpu") {
    const quota = String(Math.max(1_000, Math.round(value * CPU_PERIOD_US)));
    return version === 2
      ? [["cpu.max", `${quota} ${CPU_PERIOD_US}`]]
      : [["cpu.cfs_period_us", String(CPU_PERIOD_US)], ["cpu.cfs_quota_us", quota]];
  }
  return version === 2
    ? [["memory.max", whole], ["memory.swap.max?", "0"]]
    : [["memory.limit_in_bytes", whole], ["memory.memsw.limit_in_bytes?", whole]];
}

/** Kernels without accounting of swap lack its files. */
async function writeSetting(path: string, text: string): Promise<void> {
  const optional = path.endsWith("?");
  try {
    await Deno.writeTextFile(path.replace(/\?$/, ""), text, { create: false });
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied;
    if (!optional || !missing) throw error;
  }
}

async function removeGroup(group: string): Promise<"removed" | "busy"> {
  try {
    await Deno.remove(group);
    return "removed";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "removed";
    if (
      error instanceof Error && /EBUSY|os error 16\)|ENOTEMPTY|os error 39\)/.test(error.message)
    ) {
      return "busy";
    }
    throw error;
  }
}

/** Whether the error means that this user or this machine has no such limits. */
function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && /os error (1|13|16|22|30|95)\)/.test(error.message));
}

async function readFacts(): Promise<CgroupFacts | undefined> {
  const mountinfo = await readIfThere("/proc/self/mountinfo");
  const membership = await readIfThere("/proc/self/cgroup");
  return mountinfo === "" ? undefined : { mountinfo, membership };
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
