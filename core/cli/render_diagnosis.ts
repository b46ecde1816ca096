/**
 * Results of checks for people.
 *
 * @module
 */

import type { Check } from "./diagnose.ts";
import { labelled } from "./report_error.ts";
import { alignColumns, printable } from "./table.ts";

/** One line per check, with the fix below where there is one. */
export function renderDiagnosis(checks: readonly Check[]): string {
  const rows = checks.map(({ state, subject, text }) => [state, subject, printable(text)]);
  const lines = alignColumns(rows);
  return checks.map(({ fix }, index) =>
    `${lines[index]}\n${fix === null ? "" : indent(labelled("fix", fix))}`
  ).join("");
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "         ");
}
