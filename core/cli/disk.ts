/**
 * How much room there is, and how much a directory takes.
 *
 * @module
 */

import { dirname, join } from "node:path";

/** Free bytes where the path is, or will be; `undefined` when the system does not say. */
export async function freeBytes(path: string): Promise<number | undefined> {
  const { statfs } = await import("node:fs/promises");
  try {
    const { bavail, bsize } = await statfs(path);
    return Number(bavail) * Number(bsize);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const parent = dirname(path);
    return parent === path ? undefined : await freeBytes(parent);
  }
}

/** Bytes of all files below the directory; one that is not there has none. */
export async function usedBytes(directory: string): Promise<number> {
  let sum = 0;
  try {
    for await (const entry of Deno.readDir(directory)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory) sum += await usedBytes(path);
      else if (entry.isFile) sum += (await Deno.lstat(path)).size;
    }
  } catch (error) {
    // Files of live runs come and go.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return sum;
}
