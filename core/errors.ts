/**
 * The errors that users see, and moat's own exit codes.
 *
 * A message is one sentence without a full stop: the action, the quoted subject, a colon, the
 * state. The hint is one command or one edit. Only `main.ts` prints errors and exits.
 *
 * @module
 */

/** Exit codes of moat itself; the command's own code passes through unchanged. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** A daemon start that trying again cannot mend. */
  permanent: 3,
  timeout: 124,
  moatFailed: 125,
  notInvocable: 126,
  notFound: 127,
  interrupted: 130,
} as const;

/** Options of {@linkcode MoatError}. */
export interface MoatErrorOptions {
  /** One command to type or one edit to make; several lines where a choice is offered. */
  readonly hint?: string;
  /** What failed underneath. */
  readonly cause?: unknown;
  /** @default 1 */
  readonly exitCode?: number;
}

/** A failure with a message for the user. */
export class MoatError extends Error {
  override readonly name: string = "MoatError";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, { hint, cause, exitCode = EXIT.failure }: MoatErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** The command line cannot be understood, or asks for what does not exist. Exit code 2. */
export class UsageError extends MoatError {
  override readonly name = "UsageError";

  constructor(message: string, options: Omit<MoatErrorOptions, "exitCode"> = {}) {
    super(message, { ...options, exitCode: EXIT.usage });
  }
}

/** A place in a file; line and column count from 1. */
export interface FilePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A project or home file says something invalid. The message starts with `file:line:column: `. */
export class ConfigError extends MoatError {
  override readonly name = "ConfigError";
  readonly position: FilePosition;

  constructor(
    position: FilePosition,
    message: string,
    options: Omit<MoatErrorOptions, "exitCode"> = {},
  ) {
    super(`${position.file}:${position.line}:${position.column}: ${message}`, {
      ...options,
      exitCode: EXIT.usage,
    });
    this.position = position;
  }
}

/** A runtime, engine or tool is not there or does not answer. */
export class UnavailableError extends MoatError {
  override readonly name = "UnavailableError";
}

/** The work was interrupted by a signal before the program ran. Exit code 130. */
export class InterruptedError extends MoatError {
  override readonly name = "InterruptedError";

  constructor(message = "Interrupted") {
    super(message, { exitCode: EXIT.interrupted });
  }
}

/** Returns the text of anything thrown, with its causes, joined by `: `; repeats are left out. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = withoutCallDetails(error.message);
  if (error.cause === undefined) return message;
  const cause = describeError(error.cause);
  return message.includes(cause) ? message : `${message}: ${cause}`;
}

/** The runtime ends its messages with numbers and calls that mean nothing to a user. */
function withoutCallDetails(message: string): string {
  return message.replace(/ \(os error \d+\)(?=$|:)/, "").replace(
    /: (?:realpath|stat|readfile|readdir|open) '[^']*'$/,
    "",
  );
}
