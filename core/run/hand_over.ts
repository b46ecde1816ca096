/**
 * Gives a run to the daemon: the record says so, the lock is freed, the daemon takes it.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { ensureDaemon } from "../daemon/ensure_daemon.ts";
import { MoatError, UnavailableError } from "../errors.ts";
import { recordEvent } from "../store/events.ts";
import type { OutputCounts } from "../store/log_writer.ts";
import type { OwnedRun } from "./owned_run.ts";

/** Options of {@linkcode handOver}. */
export interface HandOverOptions {
  /** What the CLI has logged: `counts` of its writer, which must be closed by now. */
  readonly logged?: OutputCounts;
}

const MAX_TRIES = 3;

/** Says why the run cannot be handed over while it runs; `undefined` when it can. */
export function whyNotHandOver(
  { record, runtime }: Pick<OwnedRun, "record" | "runtime">,
): string | undefined {
  const { detached, container } = record.plan;
  if (detached) return undefined;
  if (!container.tty) return "it has no terminal to come back to; start it with -d";
  if (runtime.reattach !== undefined) return undefined;
  return `runtime "${runtime.id}" keeps it on this terminal; start it with -d`;
}

/**
 * Hands the run over and returns when the daemon holds its lock. The run is not this process's any
 * more, also when this throws: the next daemon takes it.
 */
export async function handOver(
  run: OwnedRun,
  context: Context,
  { logged }: HandOverOptions = {},
): Promise<void> {
  const { store, record, files, ownership } = run;
  const reason = whyNotHandOver(run);
  if (reason !== undefined) throw new MoatError(`Cannot detach run "${record.name}": ${reason}`);
  // Before the lock is free, so that a run never waits for a daemon that cannot be started.
  let daemon = await ensureDaemon(context);
  if (logged !== undefined) store.setNote(record.id, "handedOver", JSON.stringify(logged));
  store.update(record.id, { owner: "daemon", detached: true });
  await recordEvent(files, { type: "handed-over", to: "daemon" });
  await ownership[Symbol.asyncDispose]();
  for (let tries = 1;; tries++) {
    try {
      return await daemon.adopt(record.id, { signal: context.signal });
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries === MAX_TRIES) throw error;
      // It had just decided to end.
      daemon = await ensureDaemon(context);
    }
  }
}
