/**
 * The user's terminal while a program has it: raw input, and everything put back afterwards.
 *
 * Signals end moat through its own handlers and so reach `dispose`; the listeners here are for what
 * does not: faults that nobody caught, and `Deno.exit`. Ctrl-Z goes to the program.
 *
 * @module
 */

import { ModeTracker } from "./mode_tracker.ts";

/** A terminal in raw mode. Disposing restores it; idempotent. */
export interface RawTerminal extends Disposable {
  /** Modes that the program changes; show it all output that goes to the terminal. */
  readonly modes: ModeTracker;
}

/** Makes the terminal of this process raw. */
export function enterRawMode(): RawTerminal {
  const modes = new ModeTracker();
  let isRaw = true;
  const restore = () => {
    if (!isRaw) return;
    isRaw = false;
    writeToTerminal(modes.resets());
    setRaw(false);
    globalThis.removeEventListener("unload", restore);
    globalThis.removeEventListener("error", restore);
    globalThis.removeEventListener("unhandledrejection", restore);
    Deno.removeSignalListener("SIGCONT", again);
  };
  /** After a stop by another program the shell has taken its own modes back. */
  const again = () => setRaw(true);
  globalThis.addEventListener("unload", restore);
  globalThis.addEventListener("error", restore);
  globalThis.addEventListener("unhandledrejection", restore);
  Deno.addSignalListener("SIGCONT", again);
  setRaw(true);
  return { modes, [Symbol.dispose]: restore };
}

/** Calls back when the size of the terminal changes, until disposed. */
export function onResize(callback: () => void): Disposable {
  Deno.addSignalListener("SIGWINCH", callback);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", callback) };
}

function setRaw(raw: boolean): void {
  try {
    Deno.stdin.setRaw(raw);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The terminal is gone, after a hang-up: there is nothing left to set.
  }
}

function writeToTerminal(text: string): void {
  if (text === "") return;
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // As above: nobody sees this terminal any more.
  }
}
