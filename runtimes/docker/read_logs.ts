/**
 * Output that the engine kept, with times and a position to continue from.
 *
 * A position is, for each stream, the time of the last entry and how many entries of that very time
 * were delivered: pieces of a long line all carry the time of its beginning, and two streams are
 * written side by side. Engines before 23 drop the newline of a line that they kept in pieces; it is
 * put back when the stream goes on.
 *
 * @module
 */

import type { CallOptions, LoggedChunk, OutputStream } from "../../core/plugin/runtime.ts";
import { MoatError } from "../../core/errors.ts";
import type { Engine } from "./engine.ts";
import { readContainer } from "./inspect_container.ts";
import { valueAt } from "./json.ts";
import {
  ENTRY_BYTES,
  join,
  type LogEntry,
  readFramedEntries,
  readTerminalEntries,
} from "./wire/log_entries.ts";

const NEWLINE = new Uint8Array([10]);

/** The streams are stamped independently, so entries near a position may stand out of order. */
const OVERLAP_SECONDS = 2;

/** A stream's last delivered time, and how many entries had it. */
interface Mark {
  readonly time: string;
  readonly count: number;
  /** A line ended without its newline. */
  readonly owesNewline: boolean;
}

type Position = ReadonlyMap<OutputStream, Mark>;

/** Kept output behind the position, in order; with `follow` until the container ends. */
export async function* readLogs(
  engine: Engine,
  name: string,
  { follow, after, signal }: { readonly follow: boolean; readonly after?: string } & CallOptions,
): AsyncGenerator<LoggedChunk, void, void> {
  const container = await readContainer(engine, name, { signal });
  if (container === undefined) {
    throw new MoatError(`Cannot read the output of container "${name}": it is not there`);
  }
  const skip = parseCursor(after);
  const pieces = await engine.stream({
    method: "GET",
    path: `/containers/${encodeURIComponent(name)}/logs`,
    query: { stdout: true, stderr: true, timestamps: true, follow, since: since(skip) },
    doing: `read the output of container "${name}"`,
    signal,
  });
  const tty = valueAt(container, "Config", "Tty") === true;
  const entries = tty ? readTerminalEntries(pieces) : readFramedEntries(pieces);
  const marks = new Map<OutputStream, Mark>();
  const position = new Map(skip);
  for await (const entry of entries) {
    const previous = marks.get(entry.stream) ?? skip.get(entry.stream);
    const mark = markOf(entry, marks.get(entry.stream));
    marks.set(entry.stream, mark);
    if (isDelivered(skip.get(entry.stream), mark)) continue;
    position.set(entry.stream, mark);
    const data = previous?.owesNewline ? join([NEWLINE, entry.data]) : entry.data;
    yield {
      stream: entry.stream,
      data,
      time: new Date(Number(entry.time) * 1000),
      cursor: formatCursor(position),
    };
  }
}

function markOf({ time, data }: LogEntry, previous: Mark | undefined): Mark {
  return {
    time,
    count: previous?.time === time ? previous.count + 1 : 1,
    owesNewline: data.length < ENTRY_BYTES && data.at(-1) !== NEWLINE[0],
  };
}

function isDelivered(last: Mark | undefined, mark: Mark): boolean {
  if (last === undefined) return false;
  return mark.time < last.time || (mark.time === last.time && mark.count <= last.count);
}

function formatCursor(position: Position): string {
  return [...position].map(([stream, { time, count, owesNewline }]) =>
    `${stream}=${time}#${count}${owesNewline ? "!" : ""}`
  ).join(",");
}

function parseCursor(cursor: string | undefined): Position {
  const marks = new Map<OutputStream, Mark>();
  for (const part of cursor?.split(",") ?? []) {
    const match = /^(stdout|stderr|tty)=([^#]+)#(\d+)(!?)$/.exec(part);
    const stream = match?.[1];
    if (stream !== "stdout" && stream !== "stderr" && stream !== "tty") continue;
    marks.set(stream, {
      time: match?.[2] ?? "",
      count: Number(match?.[3]),
      owesNewline: match?.[4] === "!",
    });
  }
  return marks;
}

function since(position: Position): number | undefined {
  const times = [...position.values()].map(({ time }) => Number(time));
  if (times.length === 0) return undefined;
  return Math.max(0, Math.floor(Math.min(...times)) - OVERLAP_SECONDS);
}
