/**
 * Standard input on its way to a command.
 *
 * Read piece by piece, each taken before the next; ends with the user's input.
 *
 * @module
 */

import type { Stdio } from "../context.ts";
import type { Attachment } from "../plugin/runtime.ts";
import { isForeground } from "../terminal/is_foreground.ts";
import { DETACH_KEYS_WAIT_MS, DetachKeys } from "../terminal/detach_keys.ts";

/** Options of {@linkcode forwardInput}. */
export interface ForwardInputOptions {
  /** Ends the forwarding; a read under way is given up. */
  readonly signal: AbortSignal;
  /** Looks for `Ctrl-/ d` and calls this; absent where there is no terminal. */
  onDetach?(): void;
}

/** Forwards until the input ends, the command does, or the signal aborts. Never rejects. */
export async function forwardInput(
  stdio: Pick<Stdio, "input" | "inputIsTerminal">,
  attachment: Attachment,
  { signal, onDetach }: ForwardInputOptions,
): Promise<void> {
  // A background job of the user's shell runs on with no input, as other programs do.
  if (stdio.inputIsTerminal && !await isForeground()) return;
  const reader = stdio.input.getReader();
  const stopped = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined), { once: true })
  );
  const keys = onDetach === undefined ? undefined : new DetachKeys();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), stopped]);
      clearTimeout(timer);
      if (read === undefined) return;
      if (read.done) return await attachment.closeInput();
      const { pass, detach } = keys?.scan(read.value) ?? { pass: read.value, detach: false };
      if (pass.length > 0) await attachment.write(pass);
      if (detach) onDetach?.();
      if (keys?.isHolding) {
        timer = setTimeout(() => {
          attachment.write(keys.flush()).catch(() => {});
        }, DETACH_KEYS_WAIT_MS);
      }
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The command closed its input or ended, or the terminal is gone: its exit tells the rest.
    await attachment.closeInput().catch(() => {});
  } finally {
    clearTimeout(timer);
    // A read that is under way keeps the lock until the process ends.
    if (!signal.aborted) reader.releaseLock();
  }
}
