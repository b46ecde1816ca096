/**
 * Questions on the terminal.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { InterruptedError } from "../errors.ts";

/** Says whether somebody can be asked: input and standard error are terminals. */
export function canAsk({ inputIsTerminal, errorIsTerminal }: Context["stdio"]): boolean {
  return inputIsTerminal && errorIsTerminal;
}

/** Asks for yes or no on standard error; anything but yes is no. @throws InterruptedError */
export async function confirm(
  question: string,
  { stdio, signal }: Pick<Context, "stdio" | "signal">,
): Promise<boolean> {
  await stdio.error(`${question} [y/N] `);
  try {
    return /^\s*y(es)?\s*$/i.test(await readLine(stdio.input, signal));
  } catch (error) {
    // What is said next is not to stand behind the question.
    await stdio.error("\n");
    throw error;
  }
}

/** One line, without its end; what was typed behind it stays unread in the terminal. */
async function readLine(input: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  const reader = input.getReader();
  const interrupted = Promise.withResolvers<never>();
  const onAbort = () => interrupted.reject(new InterruptedError());
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (!text.includes("\n")) {
      const { done, value } = await Promise.race([reader.read(), interrupted.promise]);
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (!signal.aborted) reader.releaseLock();
  }
  return text.split("\n", 1)[0] ?? "";
}
