/**
 * Takes apart kept output with a time before each entry: frame by frame, or raw for a terminal.
 *
 * An entry is a line or a piece of one: engines cut lines after 16 KiB. In a terminal's raw stream
 * nothing marks such a cut except that the next time stands there.
 *
 * @module
 */

import type { OutputStream } from "../../../core/plugin/runtime.ts";
import { Demultiplexer } from "./demultiplex.ts";

/** Engines cut lines into entries of this size. */
export const ENTRY_BYTES = 16 * 1024;
const NEWLINE = 10;
const SPACE = 32;

/** One kept entry. */
export interface LogEntry {
  readonly stream: OutputStream;
  /** Seconds since 1970, a point and nine digits: times compare as text. */
  readonly time: string;
  readonly data: Uint8Array;
}

/** Entries of a stream with frames: each frame is one entry. */
export async function* readFramedEntries(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<LogEntry, void, void> {
  const demultiplexer = new Demultiplexer();
  let parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    for (const { stream, data, ends } of demultiplexer.push(piece)) {
      parts.push(data);
      if (!ends) continue;
      const entry = parts.length === 1 ? data : join(parts);
      parts = [];
      if (entry.includes(SPACE)) yield split(stream, entry);
    }
  }
}

/** Entries of a terminal's stream. */
export async function* readTerminalEntries(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<LogEntry, void, void> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    rest = rest.length === 0 ? piece : join([rest, piece]);
    for (let end; (end = entryEnd(rest)) !== undefined; rest = rest.subarray(end)) {
      yield split("tty", rest.subarray(0, end));
    }
  }
  if (rest.includes(SPACE)) yield split("tty", rest);
}

/** Where the first entry ends, or `undefined` when that is not known yet. */
function entryEnd(bytes: Uint8Array): number | undefined {
  const start = bytes.indexOf(SPACE) + 1;
  if (start === 0) return undefined;
  const newline = bytes.subarray(start, start + ENTRY_BYTES).indexOf(NEWLINE);
  if (newline >= 0) return start + newline + 1;
  return bytes.length >= start + ENTRY_BYTES ? start + ENTRY_BYTES : undefined;
}

function split(stream: OutputStream, entry: Uint8Array): LogEntry {
  const start = entry.indexOf(SPACE) + 1;
  const stamp = new TextDecoder().decode(entry.subarray(0, start - 1));
  return { stream, time: parseStamp(stamp), data: entry.subarray(start) };
}

/** RFC 3339 with nine digits, in the engine's time zone. */
function parseStamp(stamp: string): string {
  const [, whole, digits = "", zone] = /^([^.]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(stamp) ?? [];
  return `${Date.parse(`${whole}${zone}`) / 1000}.${digits.padEnd(9, "0")}`;
}

/** One array of all bytes. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
