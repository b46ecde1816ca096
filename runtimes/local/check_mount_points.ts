/**
 * Refuses mount points that the project's own files lead elsewhere.
 *
 * A link in the project as part of a mount point would have the setup make or cover directories of
 * the host. The `unshare` backend cannot be led by links at all; bubblewrap follows them.
 *
 * @module
 */

import { join, normalize, relative } from "node:path/posix";
import { MoatError } from "../../core/errors.ts";
import type { Mount } from "../../core/plugin/runtime.ts";

/** Looks at every mount point that lies in a mounted directory. @throws MoatError naming the link */
export async function checkMountPoints(mounts: readonly Mount[]): Promise<void> {
  const binds = mounts.filter(({ kind }) => kind === "bind");
  for (const mount of mounts) {
    for (const outer of binds) {
      const inside = relative(normalize(outer.target), normalize(mount.target));
      if (inside === "" || inside.startsWith("..")) continue;
      let path = outer.source;
      for (const part of inside.split("/")) {
        path = join(path, part);
        if (await isLink(path)) {
          throw new MoatError(
            `Cannot mount at "${mount.target}": "${path}" is a symbolic link`,
            { hint: `Mount at a place that no link leads to, or remove ${path}` },
          );
        }
      }
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
