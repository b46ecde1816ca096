/**
 * Begins to end a run: by its owner, whatever the cause.
 *
 * @module
 */

import { changeState, type OwnedRun } from "./owned_run.ts";

/** Options of {@linkcode beginStop}. */
export interface BeginStopOptions {
  /** Why, as the record keeps it: `stopped`, `timed out after 5s`, `interrupted by SIGINT`. */
  readonly reason: string;
  /** Between TERM and KILL. */
  readonly graceMs: number;
}

/**
 * Records that the run is stopping, then ends its command; returns when it has ended. The first
 * reason stays. Whoever waits for the command calls `finishRun()`.
 */
export async function beginStop(
  run: OwnedRun,
  { reason, graceMs }: BeginStopOptions,
): Promise<void> {
  const { store, record, runtime } = run;
  if (store.getRun(record.id)?.state === "running") {
    await changeState(run, { to: "stopping", patch: { reason } });
  }
  await runtime.stop(record.plan.container.name, { graceMs });
}
