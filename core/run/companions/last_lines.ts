/**
 * The last lines that a container printed, as the runtime keeps them.
 *
 * @module
 */

import type { Runtime } from "../../plugin/runtime.ts";

/** Options of {@linkcode lastLines}. */
export interface LastLinesOptions {
  readonly signal: AbortSignal;
  /** @default 15 */
  readonly count?: number;
}

const KEPT_CHARACTERS = 64 * 1024;
const TIMEOUT_MS = 5000;

/** The lines, without empty ones; none when they cannot be read. */
export async function lastLines(
  runtime: Pick<Runtime, "logs">,
  name: string,
  { signal, count = 15 }: LastLinesOptions,
): Promise<readonly string[]> {
  const decoder = new TextDecoder();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let text = "";
  try {
    for await (const { data } of runtime.logs(name, { follow: false, signal: limit })) {
      text = (text + decoder.decode(data, { stream: true })).slice(-KEPT_CHARACTERS);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return text.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-count);
}
