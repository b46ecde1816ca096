/**
 * Writes a run's output to its log files as it comes; only the run's owner does.
 *
 * Output is collected for a moment and written in large pieces, synchronously: a write to the page
 * cache costs less than a trip through the event loop. A full disk loses log lines, says so in the
 * log when there is room again, and never stops the run.
 *
 * @module
 */

import { join } from "node:path";
import type { LoggedChunk, OutputChunk, OutputStream } from "../plugin/runtime.ts";
import { formatLogEntry, type LogEntry } from "./log_entry.ts";
import { listSegments, segmentName } from "./log_segments.ts";
import { repairLog } from "./repair_log.ts";
import { splitUtf8 } from "./split_utf8.ts";
import type { RunPaths } from "./paths.ts";

/** Options of {@linkcode openLogWriter}. */
export interface LogWriterOptions {
  /** How much of the log is kept, as it stands in the files. @default 268435456 */
  readonly maxBytes?: number;
}

/** Bytes of output that were given to a writer, by stream. */
export type OutputCounts = Readonly<Record<OutputStream, number>>;

/** An open log. Disposing writes what is left. */
export interface LogWriter extends AsyncDisposable {
  /**
   * Adds output; time and cursor come from the chunk. The file has it after 50 ms at most, at once
   * when it has a cursor.
   */
  write(chunk: OutputChunk | LoggedChunk, time?: Date): Promise<void>;
  /** Adds a remark of moat's own. */
  remark(text: string): Promise<void>;
  /** Position in the engine's log that the files are complete up to, also from earlier writers. */
  readonly lastCursor: string | undefined;
  /** What this writer was given. */
  readonly counts: OutputCounts;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
/** The oldest of this many segments is dropped when the log is full. */
const SEGMENTS = 8;
const FLUSH_AFTER_MS = 50;
const FLUSH_AT_CHARACTERS = 256 * 1024;
/** Longer chunks become several entries, so that readers need little memory. */
const ENTRY_BYTES = 64 * 1024;
const NEWLINE = Uint8Array.of(10);

/** Opens the log to append, after mending what a killed writer left. */
export async function openLogWriter(
  paths: Pick<RunPaths, "logs">,
  { maxBytes = DEFAULT_MAX_BYTES }: LogWriterOptions = {},
): Promise<LogWriter> {
  await Deno.mkdir(paths.logs, { recursive: true, mode: 0o700 });
  const { lastCursor } = await repairLog(paths.logs);
  return new SegmentedLogWriter(paths.logs, { maxBytes, lastCursor });
}

class SegmentedLogWriter implements LogWriter {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #counts = { stdout: 0, stderr: 0, tty: 0 };
  /** Starts of characters whose end has not come yet. */
  readonly #tails = new Map<OutputStream, { readonly data: Uint8Array; readonly time: Date }>();
  readonly #encoder = new TextEncoder();
  #file: Deno.FsFile | undefined;
  #fileBytes = 0;
  #lines: string[] = [];
  #characters = 0;
  #flushedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lost: { readonly bytes: number; readonly reason: string } | undefined;
  #cursor: string | undefined;
  /** A failed write left a line without its end. */
  #lineIsOpen = false;

  constructor(
    directory: string,
    options: { readonly maxBytes: number; readonly lastCursor: string | undefined },
  ) {
    this.#directory = directory;
    this.#segmentBytes = Math.max(1, Math.floor(options.maxBytes / SEGMENTS));
    this.#cursor = options.lastCursor;
  }

  get lastCursor(): string | undefined {
    return this.#cursor;
  }

  get counts(): OutputCounts {
    return { ...this.#counts };
  }

  write(chunk: OutputChunk | LoggedChunk, time?: Date): Promise<void> {
    const at = time ?? ("time" in chunk ? chunk.time : new Date());
    const late = "late" in chunk && chunk.late === true;
    const cursor = "cursor" in chunk ? chunk.cursor : undefined;
    this.#counts[chunk.stream] += chunk.data.length;
    const pieces = this.#pieces(chunk);
    for (const [index, { data, text }] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      const entry = { time: at, stream: chunk.stream, data, late };
      this.#add(isLast && cursor !== undefined ? { ...entry, cursor } : entry, text);
    }
    if (cursor !== undefined) this.#cursor = cursor;
    // The first piece after a pause is in the file at once, so that kill -9 does not lose it.
    const paused = performance.now() - this.#flushedAt >= FLUSH_AFTER_MS;
    if (paused || this.#characters >= FLUSH_AT_CHARACTERS) this.#flush();
    return Promise.resolve();
  }

  remark(text: string): Promise<void> {
    this.#addRemark(text);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const [stream, { data, time }] of this.#tails) {
      this.#add({ time, stream, data, late: false }, undefined);
    }
    this.#tails.clear();
    this.#flush();
    this.#file?.close();
    this.#file = undefined;
    return Promise.resolve();
  }

  /** The chunk, with the start of a character that came before it, as text wherever it is text. */
  #pieces(chunk: OutputChunk): readonly { readonly data: Uint8Array; readonly text?: string }[] {
    const before = this.#tails.get(chunk.stream);
    this.#tails.delete(chunk.stream);
    const data = before === undefined ? chunk.data : concat(before.data, chunk.data);
    const { pieces, tail } = splitUtf8(data, { maxBytes: ENTRY_BYTES });
    if (tail.length === 0) return pieces;
    // A cursor says that everything before it is in the file, so nothing may wait in memory.
    if ("cursor" in chunk) return [...pieces, { data: tail }];
    this.#tails.set(chunk.stream, { data: tail.slice(), time: new Date() });
    return pieces;
  }

  #add(entry: LogEntry, text: string | undefined): void {
    const line = formatLogEntry(entry, text);
    this.#lines.push(line);
    this.#characters += line.length;
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
  }

  #addRemark(text: string): void {
    const data = this.#encoder.encode(text);
    this.#add({ time: new Date(), stream: "moat", data, late: false }, text);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    this.#flushedAt = performance.now();
    const bytes = this.#encoder.encode(this.#lines.join(""));
    this.#lines = [];
    this.#characters = 0;
    try {
      this.#writeAll(bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const bytesLost = (this.#lost?.bytes ?? 0) + bytes.length;
      this.#lost = { bytes: bytesLost, reason: error.message };
      return;
    }
    if (this.#lost === undefined) return;
    const { bytes: lost, reason } = this.#lost;
    this.#lost = undefined;
    this.#addRemark(`${lost} bytes of the log could not be written: ${reason}\n`);
  }

  #writeAll(bytes: Uint8Array): void {
    const file = this.#currentFile();
    if (this.#lineIsOpen) {
      this.#fileBytes += file.writeSync(NEWLINE);
      this.#lineIsOpen = false;
    }
    for (let written = 0; written < bytes.length;) {
      const count = file.writeSync(bytes.subarray(written));
      written += count;
      this.#fileBytes += count;
      this.#lineIsOpen = written < bytes.length;
    }
  }

  #currentFile(): Deno.FsFile {
    if (this.#file !== undefined && this.#fileBytes < this.#segmentBytes) return this.#file;
    this.#file?.close();
    this.#file = undefined;
    const segments = listSegments(this.#directory);
    const last = segments.at(-1);
    const lastBytes = last === undefined ? 0 : Deno.statSync(join(this.#directory, last.name)).size;
    const reuse = last !== undefined && lastBytes < this.#segmentBytes;
    const name = reuse ? last.name : segmentName((last?.number ?? 0) + 1);
    if (!reuse) this.#dropOldest(segments.map((segment) => segment.name));
    this.#file = Deno.openSync(join(this.#directory, name), {
      create: true,
      append: true,
      mode: 0o600,
    });
    this.#fileBytes = reuse ? lastBytes : 0;
    return this.#file;
  }

  /** Makes room for one more segment. Readers see from the numbers that something is missing. */
  #dropOldest(names: readonly string[]): void {
    for (const name of names.slice(0, Math.max(0, names.length - SEGMENTS + 1))) {
      Deno.removeSync(join(this.#directory, name));
    }
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
