/**
 * The last lines of a program's output.
 *
 * Both streams come in pieces, and not in the order in which they were written; a program that
 * prints a lot does not push out the few lines in which it complains.
 *
 * @module
 */

import { plainLine } from "./plain_line.ts";

const KEPT_LINES = 20;
/** Of the other stream, when there is as much. */
const SHARED_LINES = 10;
/** Of a line that does not end. */
const KEPT_CHARACTERS = 10_000;

interface Line {
  readonly order: number;
  readonly text: string;
}

/** Takes pieces, gives lines. */
export class OutputTail {
  readonly #streams: readonly [output: Line[], errors: Line[]] = [[], []];
  readonly #open = ["", ""];
  #count = 0;
  #newest = "";

  /** Takes a piece of either stream, cut anywhere. */
  add(text: string, isError: boolean): void {
    const index = isError ? 1 : 0;
    const [first = "", ...others] = text.split("\n");
    const open = `${this.#open[index]}${first}`.slice(-KEPT_CHARACTERS);
    const lines = [open, ...others];
    this.#open[index] = lines.pop() ?? "";
    for (const line of lines) this.#keep(line, this.#streams[index]);
  }

  /** The newest line that says something; empty when none does. */
  newest(): string {
    return this.#newest;
  }

  /** The last lines of both streams, in order of arrival. */
  lastLines(): readonly string[] {
    const [output, errors] = this.#streams.map((lines, index) => {
      const text = plainLine(this.#open[index] ?? "");
      return text === "" ? lines : [...lines, { order: this.#count, text }];
    });
    const shownOutput = (output ?? []).slice(
      -Math.max(SHARED_LINES, KEPT_LINES - (errors ?? []).length),
    );
    const shownErrors = (errors ?? []).slice(-(KEPT_LINES - shownOutput.length));
    return [...shownOutput, ...shownErrors]
      .toSorted((one, other) => one.order - other.order)
      .map(({ text }) => text);
  }

  #keep(line: string, lines: Line[]): void {
    const text = plainLine(line);
    if (text.trim() === "") return;
    this.#newest = text;
    lines.push({ order: this.#count++, text });
    if (lines.length > KEPT_LINES) lines.shift();
  }
}
