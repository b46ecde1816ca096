/**
 * OS locks on files: freed by the kernel when their holder dies, and by name when it lets go.
 *
 * Closing alone was seen to keep a lock for as long as the process lived: something else may still
 * have the descriptor. So everything that locks a file does it here.
 *
 * @module
 */

import { delay } from "../delay.ts";

/** How often those who wait look again. */
const POLL_MS = 20;

/** Options of {@linkcode lockFile}. */
export interface LockFileOptions {
  readonly signal?: AbortSignal;
  /** Called once, when somebody else has the lock. */
  waiting?(): void;
}

/** Options of {@linkcode tryLockFile}. */
export interface TryLockFileOptions {
  /** How long to try. @default 0 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Has the file to itself until disposed. Makes the file, waits for as long as it takes. */
export async function lockFile(
  path: string,
  { signal, waiting }: LockFileOptions = {},
): Promise<Disposable> {
  const first = await tryLockFile(path);
  if (first !== undefined) return first;
  waiting?.();
  const lock = await tryLockFile(path, { timeoutMs: Infinity, ...(signal && { signal }) });
  if (lock === undefined) throw new TypeError("Trying without an end ended");
  return lock;
}

/** As {@linkcode lockFile}, or `undefined` when somebody else keeps it. Makes the file. */
export async function tryLockFile(
  path: string,
  { timeoutMs = 0, signal }: TryLockFileOptions = {},
): Promise<Disposable | undefined> {
  const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  const deadline = performance.now() + timeoutMs;
  try {
    while (!(await file.tryLock(true))) {
      if (performance.now() >= deadline) {
        file.close();
        return undefined;
      }
      await delay(POLL_MS, signal);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return held(file, () => file.close());
}

/** As {@linkcode lockFile}, for callers that cannot wait otherwise. */
export function lockFileSync(path: string): Disposable {
  const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  try {
    file.lockSync(true);
  } catch (error) {
    file.close();
    throw error;
  }
  return held(file, () => file.close());
}

/** Has an open file to itself until disposed; it stays open. */
export async function lockOpenFile(file: Deno.FsFile): Promise<Disposable> {
  await file.lock(true);
  return held(file, () => {});
}

/** Says whether somebody has the file right now. Creates nothing. */
export async function isLocked(path: string): Promise<boolean> {
  using file = await openExisting(path);
  if (file === undefined || !(await file.tryLock(false))) return file !== undefined;
  file.unlockSync();
  return false;
}

/**
 * Resolves when nobody has the file. The wait cannot be taken back by the signal, only left: the lock
 * is let go as soon as it is had.
 */
export async function whenUnlocked(path: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const file = await openExisting(path);
  if (file === undefined) return;
  const unlocked = file.lock(false).then(() => file.unlockSync()).finally(() => file.close());
  if (signal === undefined) return await unlocked;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([unlocked, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    unlocked.catch(() => {});
  }
}

function held(file: Deno.FsFile, close: () => void): Disposable {
  let isHeld = true;
  return {
    [Symbol.dispose]() {
      if (!isHeld) return;
      isHeld = false;
      try {
        file.unlockSync();
      } finally {
        close();
      }
    },
  };
}

async function openExisting(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
