/**
 * Ownership of a run: an exclusive OS lock on `runs/<id>/owner`, freed by the kernel when its
 * holder dies, so that nobody needs process ids.
 *
 * Readers probe with a shared lock for an instant, which is why takers try again for a second.
 *
 * @module
 */

import { delay } from "../delay.ts";
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
  { timeoutMs = 1000, signal }: TakeOwnershipOptions = {},
): Promise<Ownership | undefined> {
  await Deno.mkdir(paths.directory, { recursive: true, mode: 0o700 });
  const file = await Deno.open(paths.owner, { create: true, write: true, mode: 0o600 });
  const deadline = performance.now() + timeoutMs;
  try {
    while (!(await file.tryLock(true))) {
      if (performance.now() >= deadline) {
        file.close();
        return undefined;
      }
      await delay(20, signal);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}

/** Says whether somebody owns the run right now. Creates nothing. */
export async function isOwned(paths: RunPaths): Promise<boolean> {
  const file = await openExisting(paths.owner);
  if (file === undefined) return false;
  try {
    return !(await file.tryLock(false));
  } finally {
    file.close();
  }
}

/**
 * Resolves when nobody owns the run. The wait cannot be taken back by the signal, only left: the
 * lock is let go as soon as it is had.
 */
export async function whenUnowned(paths: RunPaths, signal?: AbortSignal): Promise<void> {
  const file = await openExisting(paths.owner);
  if (file === undefined) return;
  const locked = file.lock(false).finally(() => file.close());
  if (signal === undefined) return await locked;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([locked, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    locked.catch(() => {});
  }
}

async function openExisting(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
