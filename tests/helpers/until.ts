/**
 * Waiting in tests for something that another process does.
 *
 * @module
 */

/** Options of {@linkcode until}. */
export interface UntilOptions {
  /** @default 15000 */
  readonly timeoutMs?: number;
}

/** Resolves to what the check returns, once that is neither `undefined` nor false. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  { timeoutMs = 15_000 }: UntilOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
