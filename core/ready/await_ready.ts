/**
 * Waits until a companion is really ready: it answers in its own protocol, and 100 ms later the same
 * process still does.
 *
 * One answer is not enough: images of databases serve while they initialise, and then restart. So
 * the first connection is kept, and must not end, until a second one was answered as well.
 *
 * @module
 */

import { delay } from "../delay.ts";
import { describeError, MoatError } from "../errors.ts";
import type { ReadyProbe } from "../plugin/contribution.ts";
import type { ByteStream, ContainerState, ExitStatus } from "../plugin/runtime.ts";
import type { Answer } from "./answer.ts";
import { askCommand, askOver, type ReadySubject } from "./ask.ts";
import { ConnectionEndedError } from "./byte_reader.ts";

const POLL_MS = 25;
const STEADY_MS = 100;
const INSPECT_MS = 250;
/** Time of an attempt; doubled while servers take connections and say nothing. */
const FIRST_ATTEMPT_MS = 2000;
const LONGEST_ATTEMPT_MS = 10_000;

/** What is waited for. */
export interface AwaitReadySubject extends ReadySubject {
  inspect(): Promise<ContainerState | undefined>;
}

/** Options of {@linkcode awaitReady}. */
export interface AwaitReadyOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** It did not become ready. */
export class NotReadyError extends MoatError {
  override readonly name = "NotReadyError";
  /** Why, for behind a colon: `no answer within 60 s: …`, `it ended with exit code 1`. */
  readonly state: string;
  /** There when it ended. */
  readonly exit: ExitStatus | undefined;

  constructor(state: string, { exit, cause }: { exit?: ExitStatus; cause?: unknown } = {}) {
    super(`Cannot see that it is ready: ${state}`, { cause });
    this.state = state;
    this.exit = exit;
  }
}

/**
 * Resolves when it is ready. @throws NotReadyError with the last answer when the time is up, at once
 * when it ends or refuses; the signal's reason when aborted
 */
export async function awaitReady(
  probe: ReadyProbe,
  subject: AwaitReadySubject,
  { timeoutMs, signal }: AwaitReadyOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const ended = new AbortController();
  const outer = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  const watch = { last: "it was not asked yet" };
  const timer = setTimeout(() => {
    ended.abort(
      new NotReadyError(`no answer within ${formatSeconds(timeoutMs)}; at last, ${watch.last}`),
    );
  }, timeoutMs);
  const watching = watchLife(subject, { signal: outer, onEnd: (error) => ended.abort(error) });
  try {
    await poll({ probe, subject, watch, signal: outer });
  } catch (error) {
    throw outer.aborted ? outer.reason : error;
  } finally {
    clearTimeout(timer);
    ended.abort();
    await watching;
  }
}

/** Reports the end of the companion, or that it cannot be looked at. Ends with the signal. */
async function watchLife(
  subject: AwaitReadySubject,
  { signal, onEnd }: { readonly signal: AbortSignal; readonly onEnd: (error: unknown) => void },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const end = endOf(await subject.inspect());
      if (end !== undefined) return onEnd(end);
    } catch (error) {
      return onEnd(error);
    }
    await delay(INSPECT_MS, signal).catch(() => {});
  }
}

function endOf(state: ContainerState | undefined): NotReadyError | undefined {
  if (state === undefined) return new NotReadyError("it is gone");
  if (state.status !== "exited") return undefined;
  const { exit } = state;
  if (exit === undefined) return new NotReadyError("it ended");
  const why = exit.oomKilled
    ? ", as it took more memory than it may"
    : exit.reason === undefined
    ? ""
    : `: ${exit.reason}`;
  return new NotReadyError(`it ended with exit code ${exit.code}${why}`, { exit });
}

interface PollState {
  readonly probe: ReadyProbe;
  readonly subject: AwaitReadySubject;
  /** The last answer that was not it. */
  readonly watch: { last: string };
  readonly signal: AbortSignal;
}

async function poll(state: PollState): Promise<void> {
  let attemptMs = FIRST_ATTEMPT_MS;
  for (;;) {
    const outcome = await attempt(state, attemptMs);
    if (outcome.answer.kind === "ready") {
      try {
        if (await isSteady(state, { first: outcome, attemptMs })) return;
      } finally {
        outcome.connection?.close();
      }
    }
    attemptMs = outcome.isSilent ? Math.min(attemptMs * 2, LONGEST_ATTEMPT_MS) : FIRST_ATTEMPT_MS;
    await delay(POLL_MS, state.signal);
  }
}

/** Whether the process that answered first goes on answering. */
async function isSteady(
  state: PollState,
  { first, attemptMs }: { readonly first: Outcome; readonly attemptMs: number },
): Promise<boolean> {
  const { subject, signal, watch } = state;
  const began = performance.now();
  const before = await subject.inspect();
  const kept = first.connection === undefined ? undefined : watchConnection(first.connection);
  for (let isLast = false; !isLast;) {
    await delay(kept === undefined ? POLL_MS : STEADY_MS, signal);
    isLast = performance.now() - began >= STEADY_MS;
    // Without a connection that tells of its end, none of the answers in between may be missing.
    const again = await attempt(state, attemptMs);
    again.connection?.close();
    if (again.answer.kind !== "ready") return false;
  }
  if (kept?.hasEnded()) {
    watch.last = "it answered, and then closed the connection";
    return false;
  }
  const now = await subject.inspect();
  if (before?.startedAt?.getTime() === now?.startedAt?.getTime()) return true;
  watch.last = "it answered, and then started anew";
  return false;
}

/** Reads what comes until the other side ends. */
function watchConnection(stream: ByteStream): { hasEnded(): boolean } {
  let ended = false;
  const buffer = new Uint8Array(4096);
  (async () => {
    while (await stream.read(buffer) !== null);
  })().catch(() => {}).finally(() => ended = true);
  return { hasEnded: () => ended };
}

interface Outcome {
  readonly answer: Answer;
  /** Left open where it must stay open. */
  readonly connection?: ByteStream;
  /** The attempt's own time was over. */
  readonly isSilent: boolean;
}

/** Asks once. @throws NotReadyError when it refuses, the signal's reason */
async function attempt(
  { probe, subject, watch, signal }: PollState,
  attemptMs: number,
): Promise<Outcome> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), attemptMs);
  const limit = AbortSignal.any([signal, deadline.signal]);
  const outcome = await askOnce(probe, { subject, signal: limit })
    .catch((error: unknown): Outcome => {
      const isSilent = deadline.signal.aborted;
      const state = isSilent ? `nothing was said for ${formatSeconds(attemptMs)}` : stateOf(error);
      return { answer: { kind: "not yet", state }, isSilent };
    })
    .finally(() => clearTimeout(timer));
  if (signal.aborted) {
    outcome.connection?.close();
    throw signal.reason;
  }
  if (outcome.answer.kind === "refused") throw new NotReadyError(outcome.answer.state);
  if (outcome.answer.kind === "not yet") watch.last = outcome.answer.state;
  return outcome;
}

async function askOnce(
  probe: ReadyProbe,
  { subject, signal }: { readonly subject: AwaitReadySubject; readonly signal: AbortSignal },
): Promise<Outcome> {
  if (probe.kind === "command") {
    const { command } = probe;
    return { answer: await askCommand(subject, { command, signal }), isSilent: false };
  }
  const stream = await subject.dial(probe.port, signal);
  const close = () => stream.close();
  signal.addEventListener("abort", close, { once: true });
  let isKept = false;
  try {
    signal.throwIfAborted();
    const answer = await askOver(stream, { probe, password: subject.password });
    isKept = answer.kind === "ready" && answer.stays;
    return { answer, isSilent: false, ...(isKept ? { connection: stream } : {}) };
  } finally {
    signal.removeEventListener("abort", close);
    if (!isKept) close();
  }
}

function stateOf(error: unknown): string {
  return error instanceof ConnectionEndedError
    ? "it closed the connection without an answer"
    : describeError(error);
}

function formatSeconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
