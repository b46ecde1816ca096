/**
 * Copies a run's log to the user's streams, each to its own.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { isLive } from "../run/states.ts";
import { isOwned } from "../store/owner.ts";
import { type RunPaths, runPaths } from "../store/paths.ts";
import { type LogEntry, readLog, type ReadLogOptions } from "../store/read_log.ts";
import { ModeTracker } from "../terminal/mode_tracker.ts";
import { ORPHANED_AFTER_MS } from "./await_run.ts";
import type { FoundRun } from "./find_run.ts";
import { labelled } from "./report_error.ts";

/** Options of {@linkcode printLogs}. */
export interface PrintLogsOptions extends Pick<ReadLogOptions, "tail" | "since" | "follow"> {
  readonly timestamps: boolean;
}

/** Prints the log; with `follow`, until the run has ended or the user interrupts. */
export async function printLogs(
  { store, record }: Pick<FoundRun, "store" | "record">,
  { paths, stdio, signal }: Pick<Context, "paths" | "stdio" | "signal">,
  { timestamps, ...options }: PrintLogsOptions,
): Promise<void> {
  const files = runPaths(paths, record.id);
  const mayContinue = liveness({ store, record }, files);
  const entries = readLog(files, { ...options, signal, isLive: mayContinue });
  const stamp = timestamps ? stampLines() : undefined;
  const modes = new ModeTracker();
  try {
    for await (const entry of entries) {
      if (entry.stream === "moat") {
        await stdio.error(labelled("note", new TextDecoder().decode(entry.data)));
        continue;
      }
      if (stdio.outputIsTerminal) modes.see(entry.data);
      const data = stamp === undefined ? entry.data : stamp(entry);
      await (entry.stream === "stderr" ? stdio.error(data) : stdio.output(data));
    }
  } finally {
    // The bytes of a program that was killed leave the terminal as that program did.
    await stdio.output(modes.resets());
  }
}

/** Whether more may come: the run is live, and its owner is there or about to change. */
function liveness(
  { store, record }: Pick<FoundRun, "store" | "record">,
  files: RunPaths,
): () => Promise<boolean> {
  let unownedSince: number | undefined;
  return async () => {
    const now = store.getRun(record.id);
    if (now === undefined || !isLive(now.state)) return false;
    if (await isOwned(files)) {
      unownedSince = undefined;
      return true;
    }
    unownedSince ??= performance.now();
    return performance.now() - unownedSince < ORPHANED_AFTER_MS;
  };
}

const NEWLINE = 10;

/** Puts the time before each line; a line may come in several entries. */
function stampLines(): (entry: LogEntry) => Uint8Array {
  const open = new Set<string>();
  const encoder = new TextEncoder();
  return ({ time, stream, data, late }) => {
    const prefix = encoder.encode(`${time.toISOString()}${late ? "?" : ""} `);
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < data.length;) {
      const newline = data.indexOf(NEWLINE, from);
      const to = newline < 0 ? data.length : newline + 1;
      if (!open.has(stream)) pieces.push(prefix);
      pieces.push(data.subarray(from, to));
      if (newline < 0) open.add(stream);
      else open.delete(stream);
      from = to;
    }
    return joined(pieces);
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
