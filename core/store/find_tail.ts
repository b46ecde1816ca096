/**
 * Finds where the last lines of a log begin, reading from its end.
 *
 * @module
 */

import { join } from "node:path";
import { parseLogEntry } from "./log_entry.ts";
import { listSegments } from "./log_segments.ts";
import { readLinesBackward } from "./read_lines_backward.ts";

/** A place in the log. */
export interface TailPosition {
  readonly segment: number;
  readonly offset: number;
  /** Bytes of the first entry's data to leave out. */
  readonly skipBytes: number;
}

const NEWLINE = 10;

/**
 * The place of the last `count` lines, counted by newlines over all streams in the order in which
 * they were written. A last line without a newline counts.
 */
export async function findTail(directory: string, count: number): Promise<TailPosition> {
  const segments = listSegments(directory);
  let missing = Math.max(0, count);
  let seenOutput = false;
  for (const { number, name } of segments.toReversed()) {
    for await (const { line, start } of readLinesBackward(join(directory, name))) {
      const data = parseLogEntry(line)?.data;
      if (data === undefined || data.length === 0) continue;
      if (missing === 0) return { segment: number, offset: start, skipBytes: data.length };
      let end = data.length;
      // The newline that ends the log ends its last line; it does not begin another.
      if (!seenOutput && data[end - 1] === NEWLINE) end--;
      seenOutput = true;
      for (let at = lastNewline(data, end); at !== -1; at = lastNewline(data, at)) {
        missing--;
        if (missing === 0) return { segment: number, offset: start, skipBytes: at + 1 };
      }
    }
  }
  return { segment: 0, offset: 0, skipBytes: 0 };
}

function lastNewline(data: Uint8Array, end: number): number {
  return end === 0 ? -1 : data.lastIndexOf(NEWLINE, end - 1);
}
