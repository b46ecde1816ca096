/**
 * What INT, TERM and HUP to moat mean while a command is attached.
 *
 * With a terminal Ctrl-C is a key for the program and no signal to moat. Without one the first
 * Ctrl-C stops the command, the second kills it. TERM and HUP stop it.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Ending } from "./attach.ts";

/** Numbers of the signals that moat ends commands for. */
export const SIGNAL_NUMBER = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;

/** Options of {@linkcode stopOnSignals}. */
export interface StopOnSignalsOptions {
  readonly ending: Ending;
  /** The run is somebody else's: every signal only leaves it. */
  readonly isGuest: boolean;
  say(text: string): void;
  leave(): void;
}

/** Takes the signals over until disposed. */
export function stopOnSignals(
  { onSignal }: Pick<Context, "onSignal">,
  { ending, isGuest, say, leave }: StopOnSignalsOptions,
): Disposable {
  return onSignal((signal) => {
    if (isGuest) return leave();
    if (ending.cause === undefined) {
      if (signal === "SIGINT") say("Stopping; press Ctrl-C again to kill");
      ending.begin(signal);
    } else if (signal === "SIGINT") ending.kill();
  });
}
