/**
 * A live run that this process owns, and how its owner changes its state.
 *
 * @module
 */

import type { Runtime } from "../plugin/runtime.ts";
import { recordEvent } from "../store/events.ts";
import type { Ownership } from "../store/owner.ts";
import type { Paths, RunPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import type { RunState } from "./states.ts";

/** What an owner has in its hands. Made by `executePlan()`, by adoption and by reaping. */
export interface OwnedRun {
  /** As it was when it was taken; ask the store for the present state. */
  readonly record: RunRecord;
  readonly store: Store;
  /** Paths of the home. */
  readonly paths: Paths;
  /** Paths of the run. */
  readonly files: RunPaths;
  readonly runtime: Runtime;
  /** The held lock; `finishRun()` and `handOver()` free it. */
  readonly ownership: Ownership;
}

/** Says how a run's state changes. */
export interface StateChangeOptions {
  readonly to: RunState;
  readonly patch?: Partial<RunRecord>;
  /** More to say in the event. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Changes the state of a run from what it is now, and records the event. Returns the state that was,
 * or `undefined` when it already is `to` or the run is gone.
 */
export async function changeState(
  { store, files, record }: Pick<OwnedRun, "store" | "files" | "record">,
  { to, patch = {}, details = {} }: StateChangeOptions,
): Promise<RunState | undefined> {
  for (;;) {
    const from = store.getRun(record.id)?.state;
    if (from === undefined || from === to) return undefined;
    if (store.transition(record.id, { from, to, patch })) {
      const { reason, exitCode } = patch;
      await recordEvent(files, {
        type: "state",
        from,
        to,
        ...(reason === undefined ? {} : { reason }),
        ...(exitCode === undefined ? {} : { exitCode }),
        ...details,
      });
      return from;
    }
  }
}
