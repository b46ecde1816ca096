/**
 * Directories of one command below the system's temporary one, and the end of those that a killed
 * command left.
 *
 * Each is named by its prefix and locked as long as its command lives: whoever can take the lock
 * removes it.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeIfThere } from "../store/files.ts";
import { isLocked, lockFile, tryLockFile } from "../store/file_lock.ts";

const PREFIX = "moat-plugin-";
const LOCK = "lock";

/** Between the directory and its lock no longer time passes. */
const UNLOCKED_FOR_MS = 60_000;

/** A directory that goes away when it is disposed. */
export interface TemporaryDirectory extends AsyncDisposable {
  /** Empty. */
  readonly path: string;
}

/** Makes one, mode 0700. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const directory = await Deno.makeTempDir({ dir: tmpdir(), prefix: PREFIX });
  const lock = await lockFile(join(directory, LOCK));
  const path = join(directory, "content");
  await Deno.mkdir(path, { mode: 0o700 });
  return {
    path,
    async [Symbol.asyncDispose]() {
      try {
        await removeIfThere(directory);
      } finally {
        lock[Symbol.dispose]();
      }
    },
  };
}

/** Those of this user whose command is dead. Removes nothing. */
export async function findDeadDirectories(): Promise<readonly string[]> {
  const dead: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(tmpdir())) {
    const directory = join(tmpdir(), name);
    if (name.startsWith(PREFIX) && isDirectory && await isDead(directory)) dead.push(directory);
  }
  return dead;
}

/** Removes them. */
export async function removeDeadDirectories(): Promise<void> {
  for (const directory of await findDeadDirectories()) await removeDeadDirectory(directory);
}

/** Removes one that was found dead. Idempotent. */
export async function removeDeadDirectory(directory: string): Promise<void> {
  try {
    using lock = await tryLockFile(join(directory, LOCK));
    if (lock !== undefined) await removeIfThere(directory);
  } catch (error) {
    // Another process was here before.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function isDead(directory: string): Promise<boolean> {
  try {
    const { uid, mtime } = await Deno.lstat(directory);
    if (uid !== Deno.uid()) return false;
    const path = join(directory, LOCK);
    if (await isFile(path)) return !await isLocked(path);
    return Date.now() - Number(mtime) > UNLOCKED_FOR_MS;
  } catch (error) {
    // Its command has just ended.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
