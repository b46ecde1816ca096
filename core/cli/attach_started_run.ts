/**
 * The life of an attached run between its start and its record: pump, log, end, hand-over.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError, EXIT } from "../errors.ts";
import {
  type AttachOptions,
  type AttachOutcome,
  attachRun,
  stoppedExitCode,
} from "../run/attach.ts";
import { beginStop } from "../run/begin_stop.ts";
import { watchCompanions } from "../run/companions/watch_companions.ts";
import type { StartedRun } from "../run/execute.ts";
import { finishRun } from "../run/finish.ts";
import { handOver, whyNotHandOver } from "../run/hand_over.ts";
import type { PreparedRun } from "../run/prepare.ts";
import { type LogWriter, openLogWriter } from "../store/log_writer.ts";
import { sayLeft } from "./attach_to_run.ts";
import { printNotices } from "./notices.ts";
import { labelled } from "./report_error.ts";

/** Options of {@linkcode attachStartedRun}. */
export interface AttachStartedRunOptions extends Pick<PreparedRun, "plan" | "homeConfig"> {
  readonly quiet: boolean;
}

/** Attaches until the command ended or the user left; records the end. Returns moat's exit code. */
export async function attachStartedRun(
  run: StartedRun,
  context: Context,
  { plan, homeConfig, quiet }: AttachStartedRunOptions,
): Promise<number> {
  const { files } = run;
  const maxBytes = homeConfig.logsMaxBytes;
  const log = await openLogWriter(files, maxBytes === undefined ? {} : { maxBytes });
  let say: (text: string) => void = (text) => void context.stdio.error(`${text}\n`);
  const watching = watchCompanions(run, {
    async say(text) {
      await log.remark(text);
      say(labelled("warning", text).trimEnd());
    },
  });
  try {
    const outcome = await pump(run, context, { log, plan, onAttached: (line) => say = line });
    await watching[Symbol.asyncDispose]();
    await run.attachment?.[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    if (outcome.kind === "detached") {
      await handOver(run, context, { logged: log.counts });
      await sayLeft(plan, context);
      return EXIT.ok;
    }
    const { notices } = await finishRun(run, { status: outcome.status });
    await printNotices({ warnings: notices, notices: [] }, context.stdio, { quiet });
    return exitCodeOf(outcome);
  } catch (error) {
    await watching[Symbol.asyncDispose]();
    await finishRun(run, { failed: describeError(error) });
    throw error;
  }
}

function exitCodeOf(outcome: Exclude<AttachOutcome, { kind: "detached" }>): number {
  switch (outcome.kind) {
    case "exited":
      return outcome.status.code;
    case "timed-out":
      return EXIT.timeout;
    case "stopped":
      return stoppedExitCode(outcome.status, outcome.signal);
  }
}

async function pump(
  run: StartedRun,
  context: Context,
  { log, plan, onAttached }: {
    readonly log: LogWriter;
    readonly plan: PreparedRun["plan"];
    readonly onAttached: NonNullable<AttachOptions["onAttached"]>;
  },
): Promise<AttachOutcome> {
  const { runtime, spec, attachment } = run;
  if (attachment === undefined) throw new TypeError(`Run ${plan.id} has nothing to attach to`);
  const cannotDetach = whyNotHandOver(run);
  return await attachRun(
    {
      attachment,
      tty: spec.tty,
      wait: () => runtime.wait(spec.name),
      stop: (cause, graceMs) =>
        beginStop(run, { reason: reasonOf(cause, plan.timeoutMs), graceMs }),
      kill: (signal) => runtime.kill(spec.name, signal),
      record: (chunk) => log.write(chunk),
      ...(cannotDetach === undefined ? {} : { cannotDetach }),
    },
    context,
    {
      ...(plan.timeoutMs === undefined ? {} : { timeoutMs: plan.timeoutMs }),
      say: (text) => void context.stdio.error(`${text}\n`),
      onAttached,
    },
  );
}

/** Why the run ended, as its record says it. */
function reasonOf(cause: string, timeoutMs = 0): string {
  if (cause === "timeout") return `timed out after ${timeoutMs / 1000}s`;
  if (cause === "SIGPIPE") return "nobody read its output any more";
  return `interrupted by ${cause}`;
}
