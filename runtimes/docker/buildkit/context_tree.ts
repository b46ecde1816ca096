/**
 * A build context in memory: its files and their directories, in the order in which BuildKit wants
 * to hear of them.
 *
 * @module
 */

import type { ContextFile } from "../../../core/plugin/runtime.ts";

/** A file or a directory. */
export interface TreeEntry {
  /** Relative, with `/`. */
  readonly path: string;
  /** As Go's `FileMode`. */
  readonly mode: number;
  /** `undefined` for directories. */
  readonly content: Uint8Array | undefined;
}

const GO_DIRECTORY = 0x80000000;
const DIRECTORY_MODE = 0o755;

/** All entries of these files, parents before what is in them. @throws TypeError on a bad path */
export function contextTree(files: Readonly<Record<string, ContextFile>>): readonly TreeEntry[] {
  const entries = new Map<string, TreeEntry>();
  const encoder = new TextEncoder();
  for (const [path, { content, mode }] of Object.entries(files)) {
    checkPath(path);
    for (const parent of parentsOf(path)) {
      entries.set(parent, {
        path: parent,
        mode: (GO_DIRECTORY | DIRECTORY_MODE) >>> 0,
        content: undefined,
      });
    }
    entries.set(path, { path, mode: mode & 0o7777, content: encoder.encode(content) });
  }
  return [...entries.values()].sort((one, other) => comparePaths(one.path, other.path));
}

/** Byte by byte, `/` lowest, so that a directory's content comes right behind it. */
export function comparePaths(one: string, other: string): number {
  const [left, right] = [toSortable(one), toSortable(other)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** `a/b` gives `a` and not itself. */
function parentsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** No path has a zero byte, so it can stand for the separator. */
function toSortable(path: string): Uint8Array {
  return new TextEncoder().encode(path.replaceAll("/", "\0"));
}

/**
 * Paths come from moat's own code. A comma before a space is refused as the library joins the
 * patterns that the engine asks for with exactly that.
 */
function checkPath(path: string): void {
  const parts = path.split("/");
  const odd = parts.some((part) => part === "" || part === "." || part === "..");
  if (odd || /[\0\\]|, /.test(path)) {
    throw new TypeError(`Cannot put ${JSON.stringify(path)} in a build context`);
  }
}
