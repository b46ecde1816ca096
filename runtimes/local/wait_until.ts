/**
 * Waits for what the system reports to nobody, such as the end of another process's child.
 *
 * @module
 */

import { delay } from "../../core/delay.ts";

/** Options of {@linkcode waitUntil}. */
export interface WaitUntilOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** Asks more and more slowly, 100 ms apart at most. Returns whether it became true in time. */
export async function waitUntil(
  condition: () => boolean,
  { signal, timeoutMs = Infinity }: WaitUntilOptions = {},
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 1; !condition(); pauseMs = Math.min(pauseMs * 2, 100)) {
    signal?.throwIfAborted();
    if (Date.now() >= deadline) return false;
    await delay(Math.min(pauseMs, deadline - Date.now()), signal);
  }
  return true;
}
