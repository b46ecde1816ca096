/**
 * Append-only event logs: one per run, one of the home.
 *
 * One JSON object a line, written under a file lock from any process. A line that a killed writer
 * left unfinished is ended by the next one, and skipped by readers.
 *
 * @module
 */

import { lockOpenFile } from "./file_lock.ts";

/** What happened; `time` is added. */
export interface RunEvent {
  /** Such as `state`, `isolation`, `stop-requested`. */
  readonly type: string;
  readonly [key: string]: unknown;
}

const NEWLINE = 10;

/** Appends the event with the present time (RFC 3339). The file's directory must exist. */
export async function recordEvent(
  target: { readonly events: string },
  event: RunEvent,
): Promise<void> {
  const line = JSON.stringify({ time: new Date().toISOString(), ...event }) + "\n";
  using file = await Deno.open(target.events, {
    create: true,
    read: true,
    append: true,
    mode: 0o600,
  });
  using _ = await lockOpenFile(file);
  const text = await endsUnfinished(file) ? `\n${line}` : line;
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

async function endsUnfinished(file: Deno.FsFile): Promise<boolean> {
  const size = await file.seek(0, Deno.SeekMode.End);
  if (size === 0) return false;
  await file.seek(-1, Deno.SeekMode.End);
  const last = new Uint8Array(1);
  return await file.read(last) === 1 && last[0] !== NEWLINE;
}
