/**
 * Says on standard error what went wrong, and chooses the exit code.
 *
 * Two lines for a failure that moat foresaw: what, and what to do. Anything else is a fault in
 * moat and is shown with its stack.
 *
 * @module
 */

import type { Stdio } from "../context.ts";
import { describeError, EXIT, MoatError } from "../errors.ts";

/** Options of {@linkcode reportError}. */
export interface ReportOptions {
  /** Code for a failure of moat itself. @default 1 */
  readonly failureExitCode?: number;
}

/** Reports the error and returns moat's exit code. */
export async function reportError(
  error: unknown,
  stdio: Pick<Stdio, "error">,
  { failureExitCode = EXIT.failure }: ReportOptions = {},
): Promise<number> {
  await stdio.error(renderError(error));
  if (!(error instanceof MoatError)) return failureExitCode;
  const isPlain = error.exitCode === EXIT.failure || error.exitCode === EXIT.permanent;
  return isPlain ? failureExitCode : error.exitCode;
}

/** The text of an error: `error: …` and `hint: …`, each continued with an indent. */
export function renderError(error: unknown): string {
  if (error instanceof MoatError) {
    const hint = error.hint === undefined ? "" : labelled("hint", error.hint);
    return labelled("error", describeError(error)) + hint;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return labelled("error", `This is a fault in moat: ${describeError(error)}`) +
    `${stack.trimEnd()}\n`;
}

/** `label: text`, further lines indented below the first. */
export function labelled(label: string, text: string): string {
  const [first = "", ...others] = text.trimEnd().split("\n");
  const indent = " ".repeat(label.length + 2);
  return [`${label}: ${first}`, ...others.map((line) => line === "" ? line : indent + line)]
    .join("\n") + "\n";
}
