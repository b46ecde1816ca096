/**
 * Mends the end of a log that its writer did not live to finish, and finds where to continue.
 *
 * @module
 */

import { join } from "node:path";
import { parseLogEntry } from "./log_entry.ts";
import { listSegments } from "./log_segments.ts";
import { readLinesBackward } from "./read_lines_backward.ts";

/** How far back a cursor is looked for; an attached owner leaves entries without one. */
const MAX_ENTRIES = 1000;
const NEWLINE = 10;

/**
 * Ends an unfinished last line, which readers then skip; nothing is cut off, as one may be reading.
 * Returns the last cursor that the log holds.
 */
export async function repairLog(
  directory: string,
): Promise<{ readonly lastCursor: string | undefined }> {
  const segments = listSegments(directory).map(({ name }) => join(directory, name));
  const last = segments.at(-1);
  if (last !== undefined) await endLastLine(last);
  let seen = 0;
  for (const path of segments.toReversed()) {
    for await (const { line } of readLinesBackward(path)) {
      const lastCursor = parseLogEntry(line)?.cursor;
      if (lastCursor !== undefined) return { lastCursor };
      if (++seen > MAX_ENTRIES) return { lastCursor: undefined };
    }
  }
  return { lastCursor: undefined };
}

async function endLastLine(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, append: true });
  const size = await file.seek(0, Deno.SeekMode.End);
  if (size === 0) return;
  await file.seek(-1, Deno.SeekMode.End);
  const last = new Uint8Array(1);
  await file.read(last);
  if (last[0] !== NEWLINE) await file.write(Uint8Array.of(NEWLINE));
}
