/**
 * The kept output of a detached sandbox: two files that its command appends to.
 *
 * Reading frees: what the reader has come back for is punched out of the files, in steps, so that
 * they take no room twice. How far that went is in `taken.json`; nothing before it is read again.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { delay } from "../../core/delay.ts";
import type { LoggedChunk } from "../../core/plugin/runtime.ts";
import { readText, type SandboxPaths, writeJson, writeWhole } from "./sandbox_state.ts";

/** Options of {@linkcode readKeptOutput}. */
export interface KeptOutputOptions {
  readonly follow: boolean;
  readonly after?: string;
  readonly signal?: AbortSignal;
  readonly isRunning: () => boolean;
  /** Ends the sandbox; the reason is written before. */
  readonly endForLackOfDisk: () => void;
  /** @default 1 GiB */
  readonly leastFreeBytes?: number;
  /** @default 4 MiB */
  readonly punchBytes?: number;
}

type Stream = "stdout" | "stderr";
type Offsets = Record<Stream, number>;

const STREAMS = ["stdout", "stderr"] as const;
const CHUNK_BYTES = 65536;
/** Output older than this when it is found was written while nobody watched. */
const LATE_MS = 2000;
const DISK_CHECK_MS = 1000;

/** Reads what comes after the cursor; with `follow` until the command has ended. */
export async function* readKeptOutput(
  paths: SandboxPaths,
  {
    follow,
    after,
    signal,
    isRunning,
    endForLackOfDisk,
    leastFreeBytes = 1024 ** 3,
    punchBytes = 4 * 1024 ** 2,
  }: KeptOutputOptions,
): AsyncGenerator<LoggedChunk> {
  const taken = parseOffsets(await readText(paths.taken));
  const offsets = parseCursor(after);
  for (const stream of STREAMS) offsets[stream] = Math.max(offsets[stream], taken[stream]);
  let checkedAt = 0;
  for (let pauseMs = 10;;) {
    signal?.throwIfAborted();
    // Asked before reading: what is written before the end is then surely read.
    const running = isRunning();
    if (follow && running && Date.now() - checkedAt >= DISK_CHECK_MS) {
      checkedAt = Date.now();
      await guardDisk(paths, { leastFreeBytes, endForLackOfDisk });
    }
    let found = false;
    for (const stream of STREAMS) {
      for await (const { data, late } of readFrom(paths[stream], offsets[stream])) {
        found = true;
        offsets[stream] += data.length;
        yield {
          stream,
          data,
          time: new Date(),
          cursor: `${offsets.stdout},${offsets.stderr}`,
          ...(late ? { late } : {}),
        };
        if (follow) await punch(paths, { stream, offsets, taken, punchBytes });
      }
    }
    if (!follow || !running) return;
    pauseMs = found ? 10 : Math.min(pauseMs * 2, 200);
    if (!found) await delay(pauseMs, signal);
  }
}

async function* readFrom(
  path: string,
  offset: number,
): AsyncGenerator<{ readonly data: Uint8Array; readonly late: boolean }> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    const { size, mtime } = await file.stat();
    if (size <= offset) return;
    const late = mtime !== null && Date.now() - mtime.getTime() > LATE_MS;
    await file.seek(offset, Deno.SeekMode.Start);
    for (let left = size - offset; left > 0;) {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, left));
      const count = await file.read(buffer);
      if (count === null) return;
      left -= count;
      yield { data: buffer.subarray(0, count), late };
    }
  } finally {
    file.close();
  }
}

/** The consumer has come back for more: what it got until now is its own. */
async function punch(
  paths: SandboxPaths,
  { stream, offsets, taken, punchBytes }: {
    readonly stream: Stream;
    readonly offsets: Offsets;
    readonly taken: Offsets;
    readonly punchBytes: number;
  },
): Promise<void> {
  const length = offsets[stream] - taken[stream];
  if (length < punchBytes) return;
  const offset = taken[stream];
  taken[stream] = offsets[stream];
  await writeJson(paths.taken, taken);
  // Only room is lost where the file system cannot do it.
  await new Deno.Command("fallocate", {
    args: ["--punch-hole", "--offset", `${offset}`, "--length", `${length}`, paths[stream]],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function guardDisk(
  paths: SandboxPaths,
  { leastFreeBytes, endForLackOfDisk }: {
    readonly leastFreeBytes: number;
    readonly endForLackOfDisk: () => void;
  },
): Promise<void> {
  const { bavail, bsize } = await statfs(paths.directory);
  if (bavail * bsize >= leastFreeBytes) return;
  const mebibytes = Math.round(leastFreeBytes / 1024 ** 2);
  await writeWhole(paths.reason, `less than ${mebibytes} MiB of disk are free for its output\n`);
  endForLackOfDisk();
}

function parseCursor(cursor: string | undefined): Offsets {
  const [stdout = 0, stderr = 0] = (cursor ?? "").split(",").map((text) => parseInt(text, 10) || 0);
  return { stdout, stderr };
}

function parseOffsets(text: string | undefined): Offsets {
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  const read = (key: Stream) => {
    const offset: unknown = typeof value === "object" && value !== null
      ? Reflect.get(value, key)
      : 0;
    return typeof offset === "number" ? offset : 0;
  };
  return { stdout: read("stdout"), stderr: read("stderr") };
}
