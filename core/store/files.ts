/**
 * Small things to do with files that may not be there.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** Says whether something is at the path; a link counts, wherever it leads. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes the file, or the empty directory; nothing happens when it is not there. */
export async function removeFileIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes the file or directory with all that is in it; nothing happens when it is not there. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What a file is called until it takes another's place. */
const UNFINISHED = ".new";

/** To write a file and rename it takes no longer. */
const UNFINISHED_MS = 60_000;

/** Removes what a killed {@linkcode replaceFile} of the file left beside it. */
export async function removeUnfinished(path: string): Promise<void> {
  const [directory, name] = [dirname(path), basename(path)];
  for await (const { name: found, isFile } of Deno.readDir(directory)) {
    const isOurs = isFile && found.startsWith(`${name}.`) && found.endsWith(UNFINISHED) &&
      found.length === name.length + ".12345678".length + UNFINISHED.length;
    if (!isOurs) continue;
    const place = join(directory, found);
    const { mtime } = await Deno.lstat(place);
    if (Date.now() - Number(mtime) > UNFINISHED_MS) await removeFileIfThere(place);
  }
}

/**
 * Replaces the file's content at once: readers see the old text or the new one, also after a crash.
 * The mode of an existing file is kept. A link is replaced, not followed.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const mode = await Deno.lstat(path).then(({ mode }) => (mode ?? 0o644) & 0o777, () => 0o644);
  const beside = `${path}.${crypto.randomUUID().slice(0, 8)}${UNFINISHED}`;
  try {
    await Deno.writeTextFile(beside, text, { createNew: true, mode });
    await Deno.rename(beside, path);
  } catch (error) {
    await removeIfThere(beside);
    throw error;
  }
}
