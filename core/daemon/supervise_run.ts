/**
 * Looks after one detached run: keeps its output, ends it at its time limit, records its end.
 *
 * @module
 */

import { loadHomeConfig } from "../config/load_home_config.ts";
import type { Context } from "../context.ts";
import { delay } from "../delay.ts";
import { describeError } from "../errors.ts";
import type { ExitStatus } from "../plugin/runtime.ts";
import { beginStop } from "../run/begin_stop.ts";
import { watchCompanions } from "../run/companions/watch_companions.ts";
import { finishRun, type RunOutcome } from "../run/finish.ts";
import type { OwnedRun } from "../run/owned_run.ts";
import { type LogWriter, openLogWriter } from "../store/log_writer.ts";
import { skipLogged } from "./skip_logged.ts";

/** Options of {@linkcode superviseRun}. */
export interface SuperviseOptions {
  /** Aborted when the daemon leaves. */
  readonly signal: AbortSignal;
}

const RETRY_MS = 1000;
/** How long output may lag behind the command's end. */
const LAST_OUTPUT_MS = 10_000;
const TIMEOUT_GRACE_MS = 10_000;

/** Resolves when the run is finished, or let go because the daemon leaves. */
export async function superviseRun(
  run: OwnedRun,
  context: Context,
  { signal }: SuperviseOptions,
): Promise<void> {
  const { runtime, record } = run;
  const { name } = record.plan.container;
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  try {
    const support = await runtime.supervise?.(name);
    let outcome: RunOutcome;
    try {
      await using writer = await openLogWriter(run.files, await logLimits(context));
      const following = followLogs(run, { writer, signal: either });
      await using _watching = watchCompanions(run, {
        async say(text) {
          await writer.remark(text);
          await context.stdio.error(`${record.name}: ${text}\n`);
        },
      });
      using _ = limitTime(run);
      outcome = await waitForEnd(run, signal);
      // A container that is gone has no output to wait for.
      if (outcome.status !== undefined) {
        await Promise.race([following, delay(LAST_OUTPUT_MS, signal)]);
      }
      ended.abort();
      await following;
    } finally {
      await support?.[Symbol.asyncDispose]();
    }
    const { notices } = await finishRun(run, outcome);
    for (const notice of notices) await context.stdio.error(`${record.name}: ${notice}\n`);
  } catch (error) {
    ended.abort();
    await run.ownership[Symbol.asyncDispose]();
    if (!signal.aborted) throw error;
  }
}

async function logLimits(context: Context): Promise<{ readonly maxBytes?: number }> {
  try {
    const { logsMaxBytes } = await loadHomeConfig(context.paths);
    return logsMaxBytes === undefined ? {} : { maxBytes: logsMaxBytes };
  } catch (error) {
    // The file was good when the run was planned; whoever broke it since is told by the next command.
    await context.stdio.error(`${describeError(error)}\n`);
    return {};
  }
}

/** Engines restart while their containers run on, so a failure to ask is no end. */
async function waitForEnd(run: OwnedRun, signal: AbortSignal): Promise<RunOutcome> {
  const { runtime, record } = run;
  const { name } = record.plan.container;
  for (;;) {
    signal.throwIfAborted();
    try {
      const state = await runtime.inspect(name, { signal });
      if (state === undefined) return { failed: "its container is gone" };
      const status: ExitStatus = state.exit ?? await runtime.wait(name, { signal });
      return { status };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      await delay(RETRY_MS, signal);
    }
  }
}

/** Copies output into the run's log, behind what is there. */
async function followLogs(
  run: OwnedRun,
  { writer, signal }: { readonly writer: LogWriter; readonly signal: AbortSignal },
): Promise<void> {
  const { runtime, record, store } = run;
  const { name } = record.plan.container;
  const handedOver = store.note(record.id, "handedOver");
  while (!signal.aborted) {
    const after = writer.lastCursor;
    try {
      const output = runtime.logs(name, {
        follow: true,
        signal,
        ...(after === undefined ? {} : { after }),
      });
      const fresh = after === undefined ? skipLogged(output, handedOver) : output;
      for await (const chunk of fresh) await writer.write(chunk);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Error)) throw error;
      await delay(RETRY_MS, signal).catch(() => {});
    }
  }
}

/** Ends the command when the time of its plan is over, counted from its start. */
function limitTime(run: OwnedRun): Disposable {
  const { timeoutMs } = run.record.plan;
  if (timeoutMs === undefined) return { [Symbol.dispose]: () => {} };
  const startedAt = new Date(run.record.startedAt ?? run.record.createdAt).getTime();
  const timer = setTimeout(() => {
    const reason = `timed out after ${timeoutMs / 1000}s`;
    // A failure to stop shows as a run that goes on; the next daemon tries again.
    beginStop(run, { reason, graceMs: TIMEOUT_GRACE_MS }).catch(() => {});
  }, Math.max(0, startedAt + timeoutMs - Date.now()));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
