/**
 * Looks at files that a run could have made: links, pipes, devices, of any size.
 *
 * Nothing here opens what is not a plain file, and what is in the way is renamed, never followed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { lchown } from "node:fs/promises";

const MAX_BYTES = 16 * 1024 * 1024;

/** What is at the path itself, links not followed; `undefined` when nothing is. */
export async function lstatOr(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** The path with all links followed; `undefined` when it leads nowhere. */
export async function realPathOr(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** The bytes of a plain file; `undefined` when it is none, or too long. */
export async function readPlainFile(
  path: string,
  maxBytes = MAX_BYTES,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const stat = await lstatOr(path);
  return stat?.isFile && stat.size <= maxBytes ? await Deno.readFile(path) : undefined;
}

/** The text of a plain file that holds a line or two. */
export async function readSmallFile(path: string, maxBytes: number): Promise<string | undefined> {
  const bytes = await readPlainFile(path, maxBytes);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** A text that is equal for equal content: of a plain file, a link, or what else is there. */
export async function fingerprint(path: string): Promise<string | undefined> {
  const stat = await lstatOr(path);
  if (stat === undefined) return undefined;
  if (stat.isSymlink) return `link ${await Deno.readLink(path)}`;
  if (!stat.isFile) return stat.isDirectory ? "directory" : "special";
  if (stat.size > MAX_BYTES) return `file of ${stat.size} bytes, ${stat.mtime?.getTime()}`;
  return sha256(await Deno.readFile(path));
}

/** SHA-256 in hex. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Renames the path itself so that nothing finds it by its name; returns the new name. */
export async function setAside(path: string): Promise<string> {
  for (let number = 1;; number++) {
    const aside = `${path}.from-run${number === 1 ? "" : `-${number}`}`;
    if (number < 100 && await lstatOr(aside) !== undefined) continue;
    await Deno.rename(path, aside);
    return aside;
  }
}

/** Puts a file with this content in the place of whatever has the name; owner and mode are kept. */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const before = await lstatOr(path);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = `${path}.moat-${crypto.randomUUID()}`;
  const mode = before?.isFile && before.mode !== null ? before.mode & 0o777 : 0o644;
  await Deno.writeFile(temporary, bytes, { createNew: true, mode });
  try {
    if (before?.uid != null && before.gid !== null && Deno.uid() === 0) {
      await lchown(temporary, before.uid, before.gid);
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary);
    throw error;
  }
}
