/**
 * Waits until a relay that was started serves.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { RelayLink } from "./relay_link.ts";

/** Options of {@linkcode awaitRelay}. */
export interface AwaitRelayOptions {
  /** For messages, behind "Cannot". */
  readonly doing: string;
  readonly signal: AbortSignal | undefined;
  /** Why it ended without having served, the end of a sentence. */
  whyEnded(): Promise<string>;
}

/** Resolves when it serves; otherwise it is ended. @throws MoatError when it does not serve */
export async function awaitRelay(
  link: RelayLink,
  { doing, signal, whyEnded }: AwaitRelayOptions,
): Promise<void> {
  const abort = () => link.close();
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    const problem = await link.ready;
    signal?.throwIfAborted();
    if (problem === "") return;
    if (problem === "taken") {
      throw new MoatError(`Cannot ${doing}: something in there listens on it already`);
    }
    throw new MoatError(`Cannot ${doing}: ${problem?.toLowerCase() ?? await whyEnded()}`);
  } catch (error) {
    link.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
