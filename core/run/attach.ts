/**
 * Joins the user's standard streams to a running command until it ends or the user leaves.
 *
 * Output goes to the log and to the user before the next piece is taken, so that order holds, memory
 * stays flat, and a slow reader slows the command. What moat itself says is the caller's business:
 * see `say`.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError } from "../errors.ts";
import type { Attachment, ExitStatus, OutputChunk } from "../plugin/runtime.ts";
import { enterRawMode, onResize, type RawTerminal } from "../terminal/raw_mode.ts";
import { forwardInput } from "./attach_input.ts";
import { SIGNAL_NUMBER, stopOnSignals } from "./attach_signals.ts";

/** How long a command has after TERM when moat ends it. */
export const STOP_GRACE_MS = 10_000;
/** How long it has when nobody reads its output any more. */
const BROKEN_PIPE_GRACE_MS = 1_000;

/** What the pump needs from whoever owns the run. */
export interface AttachedCommand {
  readonly attachment: Attachment;
  /** The run has a terminal. */
  readonly tty: boolean;
  /** Resolves when the command has ended. */
  wait(): Promise<ExitStatus>;
  /** TERM, then KILL after the grace; `cause` is a signal's name, `timeout` or `SIGPIPE`. */
  stop(cause: string, graceMs: number): Promise<void>;
  /** Sends one signal. */
  kill(signal: string): Promise<void>;
  /** Keeps a piece of output; absent where somebody else keeps it. */
  record?(chunk: OutputChunk): Promise<void>;
  /** Why `Ctrl-/ d` cannot leave the command alone; `undefined` when it can. */
  readonly cannotDetach?: string;
}

/** Options of {@linkcode attachRun}. */
export interface AttachOptions {
  readonly timeoutMs?: number;
  /** Says one line on standard error. */
  say(text: string): void;
  /** Signals to this process leave the command alone: this is somebody else's run. */
  readonly isGuest?: boolean;
  /** Given what says a line while the command is attached, also over a terminal in raw mode. */
  readonly onAttached?: (say: (text: string) => void) => void;
}

/** How an attachment ended. */
export type AttachOutcome =
  | { readonly kind: "exited"; readonly status: ExitStatus }
  /** Ended by `--timeout`. */
  | { readonly kind: "timed-out"; readonly status: ExitStatus }
  /** Ended by a signal to moat, or because nobody read its output; the code is moat's. */
  | {
    readonly kind: "stopped";
    readonly status: ExitStatus;
    readonly signal: string;
  }
  | { readonly kind: "detached" };

/** Pumps until the command has ended and all its output is out, or the user detached. */
export async function attachRun(
  command: AttachedCommand,
  context: Pick<Context, "stdio" | "signal" | "onSignal">,
  { timeoutMs, say, isGuest = false, onAttached }: AttachOptions,
): Promise<AttachOutcome> {
  const { stdio } = context;
  const { attachment } = command;
  using cleanup = new DisposableStack();
  const left = new AbortController();
  cleanup.defer(() => left.abort());
  let raw: RawTerminal | undefined;
  const line = (text: string) => say(raw === undefined ? text : `\r\n${text}\r`);
  if (command.tty && stdio.inputIsTerminal) {
    raw = cleanup.use(enterRawMode());
    const resize = () => void attachment.resize(stdio.size() ?? DEFAULT_SIZE).catch(ignoreEnded);
    cleanup.use(onResize(resize));
    resize();
  }
  onAttached?.(line);
  const detached = Promise.withResolvers<AttachOutcome>();
  const ending = createEnding(command);
  cleanup.use(stopOnSignals(context, {
    ending,
    isGuest,
    say: line,
    leave: () => detached.resolve({ kind: "detached" }),
  }));
  // Interrupted between the start and this moment.
  if (context.signal.aborted && !isGuest) ending.begin("SIGINT");
  if (timeoutMs !== undefined) {
    const timer = setTimeout(() => ending.begin("timeout"), timeoutMs);
    cleanup.defer(() => clearTimeout(timer));
  }
  const onDetach = () => {
    if (command.cannotDetach === undefined) detached.resolve({ kind: "detached" });
    else line(`Cannot detach: ${command.cannotDetach}`);
  };
  void forwardInput(stdio, attachment, {
    signal: left.signal,
    ...(raw === undefined ? {} : { onDetach }),
  });
  const pump = pumpOutput(command, stdio, { ending, raw, signal: left.signal });
  const ended = (async (): Promise<AttachOutcome> => {
    const [status] = await Promise.all([command.wait(), pump]);
    return outcomeOf(status, ending.cause);
  })();
  ended.catch(() => {});
  return await Promise.race([ended, detached.promise]);
}

const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** How moat makes a command end: once gracefully, then at once. */
export interface Ending {
  /** What began it: a signal's name, `timeout`, or `SIGPIPE`. */
  readonly cause: string | undefined;
  begin(cause: string, graceMs?: number): void;
  kill(): void;
}

function createEnding(command: AttachedCommand): Ending {
  let cause: string | undefined;
  return {
    get cause() {
      return cause;
    },
    begin(why, graceMs = STOP_GRACE_MS) {
      if (cause !== undefined) return;
      cause = why;
      // A failure to stop is seen by `wait`, which then does not resolve; the user can kill.
      command.stop(why, graceMs).catch(ignoreEnded);
    },
    kill() {
      command.kill("SIGKILL").catch(ignoreEnded);
    },
  };
}

function outcomeOf(status: ExitStatus, cause: string | undefined): AttachOutcome {
  if (cause === undefined) return { kind: "exited", status };
  if (cause === "timeout") return { kind: "timed-out", status };
  return { kind: "stopped", status, signal: cause };
}

/** The exit code of moat for a command that moat itself made end. */
export function stoppedExitCode(status: ExitStatus, signal: string): number {
  return signal === "SIGPIPE" ? 128 + SIGNAL_NUMBER.SIGPIPE : status.code;
}

async function pumpOutput(
  { attachment, record }: AttachedCommand,
  stdio: Context["stdio"],
  { ending, raw, signal }: {
    readonly ending: Ending;
    readonly raw: RawTerminal | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const closed = new Set<string>();
  for await (const chunk of attachment.output) {
    if (signal.aborted) return;
    raw?.modes.see(chunk.data);
    const kept = record?.(chunk);
    if (!closed.has(chunk.stream)) {
      try {
        await (chunk.stream === "stderr" ? stdio.error(chunk.data) : stdio.output(chunk.data));
      } catch (error) {
        if (!isGone(error)) throw error;
        closed.add(chunk.stream);
        // A program of its own would get SIGPIPE now. A terminal that is gone sends HUP instead.
        if (chunk.stream === "stdout") ending.begin("SIGPIPE", BROKEN_PIPE_GRACE_MS);
      }
    }
    await kept;
  }
}

/** The reader of a pipe, or the terminal, went away. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    (error instanceof Error && /\bos error 5\b/.test(error.message));
}

/** The command may end while it is being told something. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof Error)) throw new TypeError(describeError(error));
}
