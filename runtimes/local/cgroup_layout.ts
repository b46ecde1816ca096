/**
 * Where a group of processes can be limited: per controller, from the mounts and this process's own
 * groups. Pure.
 *
 * @module
 */

import { dirname, join, relative } from "node:path";

/** What moat limits. */
export const CONTROLLERS = ["memory", "cpu", "pids"] as const;

/** One of them. */
export type Controller = typeof CONTROLLERS[number];

/** A directory in which a group for a controller can be made. */
export interface ControllerParent {
  readonly version: 1 | 2;
  readonly path: string;
}

/** Texts of the kernel. */
export interface CgroupFacts {
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  /** /proc/self/cgroup */
  readonly membership: string;
}

interface CgroupMount {
  readonly version: 1 | 2;
  readonly root: string;
  readonly path: string;
  readonly options: readonly string[];
}

/**
 * The parent for a controller, or `undefined` when no hierarchy that is mounted has it.
 *
 * With version 1 groups are made below our own. With version 2 a group that has processes passes no
 * controllers on, so they are made beside our own.
 */
export function controllerParent(
  controller: Controller,
  { mountinfo, membership }: CgroupFacts,
): ControllerParent | undefined {
  const mounts = parseMounts(mountinfo);
  const first = mounts.find(({ version, options }) =>
    version === 1 && options.includes(controller)
  );
  if (first) return { version: 1, path: ownDirectory(first, membershipOf(membership, controller)) };
  const second = mounts.find(({ version }) => version === 2);
  if (!second) return undefined;
  const own = ownDirectory(second, membershipOf(membership, ""));
  return { version: 2, path: own === second.path ? own : dirname(own) };
}

function ownDirectory({ path, root }: CgroupMount, membership: string): string {
  const below = relative(root, membership);
  return below.startsWith("..") ? path : join(path, below);
}

/** Path of this process's group; the controller of version 2 is written as nothing. */
function membershipOf(text: string, controller: string): string {
  for (const line of text.split("\n")) {
    const [, controllers = "", ...path] = line.split(":");
    const names = controllers.split(",");
    if (line !== "" && names.includes(controller)) return path.join(":") || "/";
  }
  return "/";
}

function parseMounts(text: string): readonly CgroupMount[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const dash = fields.indexOf("-");
    const type = fields[dash + 1];
    const [root = "/", path] = [fields[3], fields[4]];
    if (dash < 0 || path === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    const options = (fields[dash + 3] ?? "").split(",");
    return [{ version: type === "cgroup" ? 1 as const : 2 as const, root, path, options }];
  });
}
