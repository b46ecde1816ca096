/**
 * Carries out steps, and takes them back when one fails or the user interrupts.
 *
 * Before a step begins, the journal says what may exist after it, so that whoever finds the run
 * after a crash can undo it.
 *
 * @module
 */

import { describeError, InterruptedError, MoatError } from "../errors.ts";
import type { Resource } from "../plugin/runtime.ts";
import type { Store } from "../store/store.ts";

/** One thing to do. */
export interface Step {
  /** Such as `network`. */
  readonly id: string;
  /** What may exist once the step has begun; removed when it is undone. */
  readonly resource?: Resource;
  do(signal: AbortSignal): Promise<void>;
}

/** What {@linkcode runSteps} works with. */
export interface RunStepsOptions {
  readonly runId: string;
  readonly journal: Pick<Store, "beginStep" | "endStep" | "forgetStep">;
  remove(resource: Resource): Promise<void>;
  readonly signal: AbortSignal;
  /** Called before and after each step; tests throw from it to see what is left behind. */
  readonly fault?: (step: string, moment: "before" | "after") => void;
}

/** A step that was begun. */
interface Begun {
  readonly n: number;
  readonly step: Step;
}

/**
 * Runs phases one after another, the steps of one phase side by side. When one fails, the others of
 * its phase are aborted and awaited, everything begun is undone in reverse, and the error is thrown;
 * what could not be undone stays in the journal and is named in the error.
 */
export async function runSteps(
  phases: readonly (readonly Step[])[],
  options: RunStepsOptions,
): Promise<void> {
  const begun: Begun[] = [];
  try {
    for (const phase of phases) await runPhase(phase, { ...options, begun });
  } catch (error) {
    const cause = options.signal.aborted ? interruption(options.signal) : error;
    throw withCleanUpFailures(cause, await undoSteps(begun, options));
  }
}

async function runPhase(
  phase: readonly Step[],
  { runId, journal, signal, fault, begun }: RunStepsOptions & { readonly begun: Begun[] },
): Promise<void> {
  const sibling = new AbortController();
  const either = AbortSignal.any([signal, sibling.signal]);
  const results = await Promise.allSettled(phase.map(async (step) => {
    try {
      either.throwIfAborted();
      const { id, resource } = step;
      const entry = resource === undefined ? { step: id } : { step: id, resource };
      const n = journal.beginStep(runId, entry);
      begun.push({ n, step });
      fault?.(id, "before");
      await step.do(either);
      fault?.(id, "after");
      journal.endStep(n);
      signal.throwIfAborted();
    } catch (error) {
      sibling.abort(error);
      throw error;
    }
  }));
  const failure = results.find((result) =>
    result.status === "rejected" && result.reason === sibling.signal.reason
  );
  if (failure?.status === "rejected") throw failure.reason;
}

async function undoSteps(
  begun: readonly Begun[],
  { journal, remove }: RunStepsOptions,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const { n, step } of begun.toReversed()) {
    try {
      if (step.resource !== undefined) await remove(step.resource);
      journal.forgetStep(n);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** The error for a signal that was aborted: its own reason where that is for the user. */
export function interruption(signal: AbortSignal): MoatError {
  return signal.reason instanceof MoatError ? signal.reason : new InterruptedError();
}

/** The error, and what could not be cleaned up after it. */
export function withCleanUpFailures(error: unknown, failures: readonly unknown[]): unknown {
  if (failures.length === 0) return error;
  const texts = failures.map(describeError).join("; ");
  const isOurs = error instanceof MoatError;
  return new MoatError(`${describeError(error)}; cleaning up failed too: ${texts}`, {
    hint: isOurs && error.hint !== undefined ? `${error.hint}, then: moat clean` : "moat clean",
    cause: new AggregateError([error, ...failures], texts),
    ...(isOurs ? { exitCode: error.exitCode } : {}),
  });
}
