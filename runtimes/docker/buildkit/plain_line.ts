/**
 * What a line of a program's output says, without what it does to a terminal.
 *
 * @module
 */

// deno-lint-ignore no-control-regex
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/** The text that a terminal would be left with: colours gone, the last of several redraws. */
export function plainLine(line: string): string {
  const drawn = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  return drawn.replaceAll(SEQUENCES, "").replaceAll(CONTROLS, "").replaceAll("\t", " ");
}
