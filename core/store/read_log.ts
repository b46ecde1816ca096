/**
 * Reads a run's log, from any process, also while it is written. Never writes.
 *
 * @module
 */

import { join } from "node:path";
import { delay } from "../delay.ts";
import { type LogEntry, parseLogEntry } from "./log_entry.ts";
import { listSegments } from "./log_segments.ts";
import type { RunPaths } from "./paths.ts";
import { findTail, type TailPosition } from "./find_tail.ts";

export type { LogEntry } from "./log_entry.ts";

/** Options of {@linkcode readLog}. */
export interface ReadLogOptions {
  /** Begin at the last so many lines, counted by newlines over all streams together. */
  readonly tail?: number;
  /** Leave out what is older. */
  readonly since?: Date;
  /** Go on until the run is not live any more. @default false */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /** Asked when the end is reached while following. @default () => true */
  readonly isLive?: () => boolean | Promise<boolean>;
}

const BLOCK_BYTES = 256 * 1024;
const POLL_MS = 50;
const NEWLINE = 10;
const START: TailPosition = { segment: 0, offset: 0, skipBytes: 0 };

/** Yields entries in the order in which they were written. A log that is not there is empty. */
export async function* readLog(
  paths: Pick<RunPaths, "logs">,
  { tail, since, follow = false, signal, isLive = () => true }: ReadLogOptions = {},
): AsyncGenerator<LogEntry> {
  const from = tail === undefined ? START : await findTail(paths.logs, tail);
  let { skipBytes } = from;
  for await (const entry of readFrom(paths.logs, from, { follow, signal, isLive })) {
    const data = entry.data.subarray(skipBytes);
    skipBytes = 0;
    if (since !== undefined && entry.time < since) continue;
    if (data.length > 0) yield { ...entry, data };
  }
}

/** What {@linkcode readFrom} needs to go on at the end. */
interface Following {
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
  readonly isLive: () => boolean | Promise<boolean>;
}

async function* readFrom(
  directory: string,
  from: TailPosition,
  { follow, signal, isLive }: Following,
): AsyncGenerator<LogEntry> {
  let number = from.segment;
  let reader: SegmentReader | undefined;
  let wasLive = follow;
  try {
    while (true) {
      if (signal?.aborted) return;
      if (reader === undefined) {
        const next = listSegments(directory).find((segment) => segment.number >= number);
        if (next !== undefined) {
          if (number === 0 && next.number > 1) yield dropped();
          if (number > 0 && next.number > number) yield dropped();
          const offset = next.number === from.segment ? from.offset : 0;
          reader = await SegmentReader.open(join(directory, next.name), offset);
          number = next.number;
        }
      }
      if (reader !== undefined) {
        let progressed = false;
        for await (const entry of reader.readAvailable()) {
          progressed = true;
          yield entry;
          if (signal?.aborted) return;
        }
        // A later segment is only begun when this one is finished, so its end must be read again.
        if (listSegments(directory).some((segment) => segment.number > number)) {
          yield* reader.readAvailable();
          reader.close();
          reader = undefined;
          number++;
          continue;
        }
        if (progressed && follow) continue;
      }
      if (!wasLive) return;
      wasLive = await isLive();
      if (wasLive) await delayUnlessAborted(POLL_MS, signal);
    }
  } finally {
    reader?.close();
  }
}

/** Reads whole lines of one file from an offset on; an unfinished last one is left for later. */
class SegmentReader {
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  readonly #block = new Uint8Array(BLOCK_BYTES);
  /** Parts of the line that has no end yet. */
  #held: Uint8Array[] = [];

  static async open(path: string, offset: number): Promise<SegmentReader | undefined> {
    try {
      const file = await Deno.open(path, { read: true });
      await file.seek(offset, Deno.SeekMode.Start);
      return new SegmentReader(file);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  close(): void {
    this.#file.close();
  }

  async *readAvailable(): AsyncGenerator<LogEntry> {
    while (true) {
      const count = await this.#file.read(this.#block);
      if (count === null) return;
      const bytes = this.#block.subarray(0, count);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        const entry = parseLogEntry(this.#take(bytes.subarray(start, end)));
        if (entry !== undefined) yield entry;
        start = end + 1;
      }
      if (start < count) this.#held.push(bytes.slice(start));
    }
  }

  #take(end: Uint8Array): string {
    if (this.#held.length === 0) return this.#decoder.decode(end);
    let text = "";
    for (const part of this.#held) text += this.#decoder.decode(part, { stream: true });
    this.#held = [];
    return text + this.#decoder.decode(end);
  }
}

function dropped(): LogEntry {
  const text = "Older output was dropped: the log is full\n";
  return { time: new Date(), stream: "moat", data: new TextEncoder().encode(text), late: false };
}

async function delayUnlessAborted(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
