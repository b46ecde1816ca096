/**
 * Ownership of a run: an exclusive OS lock on `runs/<id>/owner`, freed by the kernel when its
 * holder dies, so that nobody needs process ids.
 *
 * Readers probe with a shared lock for an instant, which is why takers try again for a second.
 *
 * @module
 */

import { isLocked, tryLockFile, whenUnlocked } from "./file_lock.ts";
import type { RunPaths } from "./paths.ts";

/** A held lock. Disposing frees it. */
export type Ownership = AsyncDisposable;

/** Options of {@linkcode takeOwnership}. */
export interface TakeOwnershipOptions {
  /** How long to try. @default 1000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Takes the run's lock, or returns `undefined` when somebody else keeps it. Makes the directory. */
export async function takeOwnership(
  paths: RunPaths,
  { timeoutMs = 1000, ...options }: TakeOwnershipOptions = {},
): Promise<Ownership | undefined> {
  await Deno.mkdir(paths.directory, { recursive: true, mode: 0o700 });
  const lock = await tryLockFile(paths.owner, { timeoutMs, ...options });
  if (lock === undefined) return undefined;
  return {
    [Symbol.asyncDispose]() {
      lock[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** Says whether somebody owns the run right now. Creates nothing. */
export async function isOwned(paths: RunPaths): Promise<boolean> {
  return await isLocked(paths.owner);
}

/** Resolves when nobody owns the run; rejects with the signal's reason when it comes first. */
export async function whenUnowned(paths: RunPaths, signal?: AbortSignal): Promise<void> {
  await whenUnlocked(paths.owner, signal);
}
