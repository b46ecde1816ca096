/**
 * Warnings and notes of moat on standard error.
 *
 * @module
 */

import type { Stdio } from "../context.ts";
import { labelled } from "./report_error.ts";

/** What to say. */
export interface Notices {
  readonly warnings: readonly string[];
  readonly notices: readonly string[];
}

/** Prints warnings, and notes unless quiet. */
export async function printNotices(
  { warnings, notices }: Notices,
  { error }: Pick<Stdio, "error">,
  { quiet }: { readonly quiet: boolean },
): Promise<void> {
  const lines = [
    ...warnings.map((text) => labelled("warning", text)),
    ...(quiet ? [] : notices.map((text) => labelled("note", text))),
  ];
  if (lines.length > 0) await error(lines.join(""));
}
