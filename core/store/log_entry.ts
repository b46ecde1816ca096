/**
 * One line of a run's log files: `{t, s, d}` for time, stream and data.
 *
 * `e: "base64"` marks data that is not UTF-8, `c` the position in the engine's own log that the
 * entry was read up to, `l` that nobody watched when the data was written.
 *
 * @module
 */

import { isRecord } from "../is_record.ts";
import type { OutputStream } from "../plugin/runtime.ts";

/** Kept output, or a remark of moat's own about it. */
export interface LogEntry {
  readonly time: Date;
  /** `moat`: not output, but a remark such as that older output was dropped. */
  readonly stream: OutputStream | "moat";
  readonly data: Uint8Array;
  /** Written while nobody watched: `time` is when it was found. */
  readonly late: boolean;
  /** Position in the engine's own log. */
  readonly cursor?: string;
}

const STREAMS: readonly LogEntry["stream"][] = ["stdout", "stderr", "tty", "moat"];
const ENCODER = new TextEncoder();

/** Renders one line, with the newline. `text` is there when the data is UTF-8. */
export function formatLogEntry(entry: LogEntry, text: string | undefined): string {
  return JSON.stringify({
    t: entry.time.toISOString(),
    s: entry.stream,
    d: text ?? entry.data.toBase64(),
    ...(text === undefined ? { e: "base64" } : {}),
    ...(entry.cursor === undefined ? {} : { c: entry.cursor }),
    ...(entry.late ? { l: true } : {}),
  }) + "\n";
}

/** Parses one line without its newline; `undefined` when a killed writer left it unfinished. */
export function parseLogEntry(line: string): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isRecord(value)) return undefined;
  const { t, s, d, e, c, l } = value;
  const stream = STREAMS.find((name) => name === s);
  if (typeof t !== "string" || typeof d !== "string" || stream === undefined) return undefined;
  return {
    time: new Date(t),
    stream,
    data: e === "base64" ? Uint8Array.fromBase64(d) : ENCODER.encode(d),
    late: l === true,
    ...(typeof c === "string" ? { cursor: c } : {}),
  };
}
