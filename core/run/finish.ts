/**
 * Ends a run whose command has ended: its record, its events, and what it has on the runtime.
 *
 * The end is recorded first, so that the exit code is kept whatever happens while the rest goes;
 * until that is done, the journal says what is left.
 *
 * @module
 */

import { describeError, EXIT } from "../errors.ts";
import type { ExitStatus } from "../plugin/runtime.ts";
import type { RunRecord } from "../store/run_record.ts";
import { reviewGuarded } from "./guard_project.ts";
import { changeState, type OwnedRun } from "./owned_run.ts";
import { removeRemains } from "./remove_remains.ts";

const REMOVE_TIMEOUT_MS = 60_000;

/** How the command ended. */
export interface RunOutcome {
  /** There when it ran to an end, by itself or not. */
  readonly status?: ExitStatus;
  /** Why moat ended it; a reason given to `beginStop()` is kept. */
  readonly reason?: string;
  /** Why moat lost it: the run counts as failed. */
  readonly failed?: string;
}

/** A run that is over. */
export interface FinishedRun {
  readonly record: RunRecord;
  /** For the user: files that the run changed and that need acceptance, what could not be removed. */
  readonly notices: readonly string[];
}

/** Records the end, removes the container unless it is kept, frees the lock. Does not throw. */
export async function finishRun(run: OwnedRun, outcome: RunOutcome): Promise<FinishedRun> {
  const { store, record, ownership } = run;
  const notices: string[] = [];
  try {
    await recordEnd(run, outcome);
    const [failures, found] = await Promise.all([remove(run), reviewGuarded(run)]);
    notices.push(...failures.map(describeRemains), ...found);
  } catch (error) {
    notices.push(describeError(error));
  } finally {
    await ownership[Symbol.asyncDispose]();
  }
  return { record: store.getRun(record.id) ?? record, notices };
}

async function recordEnd(run: OwnedRun, { status, reason, failed }: RunOutcome): Promise<void> {
  const known = run.store.getRun(run.record.id)?.reason;
  const outOfMemory = status?.oomKilled ? "out of memory" : undefined;
  const why = failed ?? known ?? reason ?? status?.reason ?? outOfMemory;
  const timedOut = why?.startsWith("timed out") === true;
  await changeState(run, {
    to: failed === undefined ? "stopped" : "failed",
    patch: {
      finishedAt: new Date().toISOString(),
      ...(status === undefined ? {} : { exitCode: timedOut ? EXIT.timeout : status.code }),
      ...(why === undefined ? {} : { reason: why }),
    },
  });
}

async function remove(run: OwnedRun): Promise<readonly unknown[]> {
  return run.record.plan.keep ? await leaveKept(run) : await removeRemains(run);
}

/**
 * A kept container is no remainder of a failure: `clean` and `destroy` find it by its labels. What
 * ran beside it goes.
 */
async function leaveKept({ store, record, runtime }: OwnedRun): Promise<readonly unknown[]> {
  const { name } = record.plan.container;
  const failures = await Promise.all(
    store.journal(record.id).map(async ({ n, resource }) => {
      try {
        if (resource?.kind === "container" && resource.name !== name) {
          await runtime.remove(resource, { signal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) });
        }
        store.forgetStep(n);
      } catch (error) {
        return error;
      }
    }),
  );
  return failures.filter((failure) => failure !== undefined);
}

function describeRemains(error: unknown): string {
  return `Something of this run is left: ${describeError(error)}; remove it with: moat clean`;
}
