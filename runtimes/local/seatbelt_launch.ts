/**
 * What a run becomes on macOS: a command line of `sandbox-exec`. Pure but for real paths.
 *
 * There are no mounts: a path inside is the same path outside. The project is at its real path,
 * which MOAT_WORKSPACE names; a mount at another path than its own is refused.
 *
 * @module
 */

import { UsageError } from "../../core/errors.ts";
import type { ContainerSpec, Mount } from "../../core/plugin/runtime.ts";
import { type SeatbeltPath, seatbeltProfile } from "./seatbelt.ts";

/** Where the planner puts the project; on macOS it stands for the project's real path. */
export const WORKSPACE = "/workspace";

/** Directories of the run alone. */
export interface SeatbeltDirectories {
  readonly home: string;
  readonly temporary: string;
}

/** A program to start. */
export interface SeatbeltLaunch {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Gives 126 and 127 as a shell does, where `sandbox-exec` has a code of its own. */
const STARTER = 'if [ -n "$0" ]; then /bin/sh -ec "$0" </dev/null >&2 || exit; fi; exec "$@"';

/** Parts of a spec that decide. */
export type SeatbeltSpec = Pick<
  ContainerSpec,
  "command" | "workdir" | "env" | "secretEnv" | "mounts" | "network" | "toolPaths" | "preRun"
>;

/** Arguments for `sandbox-exec`, environment and directory. @throws UsageError */
export function seatbeltLaunch(
  spec: SeatbeltSpec,
  directories: SeatbeltDirectories,
): SeatbeltLaunch {
  const project = spec.mounts.find(({ target }) => target === WORKSPACE)?.source;
  const outside = (path: string) => outsideOf(path, project);
  const paths: SeatbeltPath[] = [
    { path: directories.home, readOnly: false },
    { path: directories.temporary, readOnly: false },
    ...spec.mounts.map((mount) => shownPath(mount, outside)),
  ].map(({ path, readOnly }) => ({ path: realPath(path), readOnly }));
  const { text, parameters } = seatbeltProfile({
    paths,
    toolPaths: spec.toolPaths.map(realPath),
    network: spec.network.kind === "own" ? "private" : spec.network.kind,
  });
  const defined = Object.entries(parameters).flatMap(([name, value]) => ["-D", `${name}=${value}`]);
  const starter = ["/bin/sh", "-c", STARTER, spec.preRun ?? "", ...spec.command];
  return {
    args: [...defined, "-p", text, ...starter],
    env: {
      PATH: "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
      HOME: directories.home,
      TMPDIR: directories.temporary,
      ...spec.env,
      ...spec.secretEnv,
      ...(project !== undefined && { MOAT_WORKSPACE: realPath(project) }),
    },
    cwd: realPath(outside(spec.workdir)),
  };
}

function outsideOf(path: string, project: string | undefined): string {
  if (project === undefined) return path;
  return path === WORKSPACE || path.startsWith(`${WORKSPACE}/`)
    ? `${project}${path.slice(WORKSPACE.length)}`
    : path;
}

function shownPath(mount: Mount, outside: (path: string) => string): SeatbeltPath {
  if (mount.kind !== "bind" || outside(mount.target) !== mount.source) {
    throw new UsageError(`Cannot mount at "${mount.target}": macOS shows files at their own path`, {
      hint: mount.kind === "bind"
        ? `Write ${mount.source}:${mount.source}, or use --runtime docker`
        : "moat run --runtime docker",
    });
  }
  return { path: mount.source, readOnly: mount.readOnly };
}

/** /tmp and /var are links on macOS. What is not there yet stays as it is written. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
