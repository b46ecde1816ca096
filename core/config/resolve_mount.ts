/**
 * Finds a mount's source on this machine, links followed, and says whether it widens the run.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { touchesProtected } from "./protected_paths.ts";
import type { ConfigMount } from "./project_config.ts";

/** Where a mount is resolved. */
export interface ResolveMountOptions {
  /** What a relative source starts from. */
  readonly base: string;
  /** What `~` means. */
  readonly home: string;
  /** The project, absolute, links resolved. */
  readonly project: string;
}

/** A mount with its real source. */
export interface ResolvedMount extends ConfigMount {
  /**
   * The source is not in the project, links followed; or it is a second, writable way to files of
   * the project that the run must not change.
   */
  readonly outside: boolean;
}

/** Resolves the source. @throws UsageError when it is not there */
export async function resolveMount(
  mount: ConfigMount,
  { base, home, project }: ResolveMountOptions,
): Promise<ResolvedMount> {
  const source = await realSource(mount.source, { base, home });
  const inside = source === project || source.startsWith(`${project}/`);
  const outside = !inside || (!mount.readOnly && touchesProtected(source, project));
  return { ...mount, source, outside };
}

async function realSource(
  source: string,
  { base, home }: Pick<ResolveMountOptions, "base" | "home">,
): Promise<string> {
  const path = source === "~"
    ? home
    : source.startsWith("~/")
    ? join(home, source.slice(2))
    : resolve(base, source);
  try {
    return await Deno.realPath(path);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const state = cause instanceof Deno.errors.NotFound
      ? `"${path}" is not there`
      : `"${path}" cannot be read`;
    throw new UsageError(`Cannot mount "${source}": ${state}`, {
      cause,
      hint: `Create it, or take the mount out: mkdir -p ${path}`,
    });
  }
}
