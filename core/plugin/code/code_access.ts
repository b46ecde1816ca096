/**
 * What of this machine a plugin that is code is given, found where its manifest names it.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere } from "../../store/files.ts";
import type { Paths } from "../../store/paths.ts";
import type { HostProbe } from "../contribution.ts";

/** Beyond this a plugin's own directory is emptied when the plugin has ended. */
const MAX_CACHE_BYTES = 64 * 1024 * 1024;

/** Sandboxes show these anyway. */
const SYSTEM = /^\/(?:usr|bin|sbin|lib)\//;

/** The plugin's own directory, below MOAT_HOME; it may not be there. */
export function cacheDirectory({ store }: Pick<Paths, "store">, digest: string): string {
  return join(store, "plugin-caches", digest.replace(/^sha256:/, ""));
}

/** Makes the directory, which is emptied when it has grown too large once the result is disposed. */
export async function openCache(directory: string): Promise<AsyncDisposable> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    async [Symbol.asyncDispose]() {
      if (await sizeOf(directory, MAX_CACHE_BYTES) > MAX_CACHE_BYTES) {
        await removeIfThere(directory);
      }
    },
  };
}

/**
 * The real paths of those programs that are this machine's and not the system's, by name. Starts
 * none of them; what is not there is left out, as not every machine has everything.
 */
export async function findPrograms(
  names: readonly string[],
  probe: HostProbe,
): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(names.map(async (name) => {
    const path = await probe.which(name);
    return path === undefined || SYSTEM.test(path) ? [] : [[name, path] as const];
  }));
  return Object.fromEntries(found.flat());
}

/** Bytes below the directory; stops when there are more than the limit. */
async function sizeOf(directory: string, limit: number): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    bytes += isDirectory ? await sizeOf(path, limit - bytes) : (await Deno.lstat(path)).size;
    // An empty file takes room, too.
    bytes += 4096;
    if (bytes > limit) break;
  }
  return bytes;
}
