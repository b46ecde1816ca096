/**
 * Turns INT, TERM and HUP of this process into one abort signal.
 *
 * A program that is attached takes the signals over with `onSignal`; then nothing is aborted.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";

/** Signals that end moat. */
export const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One of {@linkcode ENDING_SIGNALS}. */
export type EndingSignal = typeof ENDING_SIGNALS[number];

/** The signals of this process while it is not disposed. */
export interface DeliveredSignals extends Disposable {
  /** Aborted by the first signal that nobody took over, with an `InterruptedError`. */
  readonly signal: AbortSignal;
  /** Takes the signals over until the result is disposed; the latest taker gets them. */
  onSignal(handler: (signal: EndingSignal) => void): Disposable;
}

/** Starts to listen. */
export function deliverSignals(): DeliveredSignals {
  const controller = new AbortController();
  const takers: ((signal: EndingSignal) => void)[] = [];
  const listeners = ENDING_SIGNALS.map((name) => ({
    name,
    listener: () => {
      const taker = takers.at(-1);
      if (taker === undefined) controller.abort(new InterruptedError(`Interrupted by ${name}`));
      else taker(name);
    },
  }));
  for (const { name, listener } of listeners) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    onSignal(handler) {
      takers.push(handler);
      return {
        [Symbol.dispose]: () => {
          const index = takers.indexOf(handler);
          if (index >= 0) takers.splice(index, 1);
        },
      };
    },
    [Symbol.dispose]: () => {
      for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
