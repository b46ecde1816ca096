/**
 * Copies what a runtime keeps of a service's output to the user's streams.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import type { LoggedChunk, Runtime } from "../plugin/runtime.ts";
import { openRuntime } from "../run/open_runtime.ts";
import { shownState } from "./describe_run.ts";
import type { FoundService } from "./find_service.ts";

/** Options of {@linkcode printServiceLogs}. */
export interface PrintServiceLogsOptions {
  readonly follow: boolean;
  /** Lines; absent: all. */
  readonly tail?: number;
}

const NEWLINE = 10;

/** Prints it; with `follow`, until the service ends or the user interrupts. */
export async function printServiceLogs(
  { record, service, store }: FoundService,
  context: Context,
  { follow, tail }: PrintServiceLogsOptions,
): Promise<void> {
  const { stdio, signal } = context;
  await using runtime = await openRuntime(record, context, { homeId: store.homeId });
  const { container, name } = service;
  if (await runtime.inspect(container, { signal }) === undefined) {
    const state = await shownState(record, context.paths);
    throw new MoatError(
      `Cannot read the output of service "${name}": it is not there, and run "${record.name}" is ${state}`,
      { hint: `moat logs ${record.id}` },
    );
  }
  const print = ({ stream, data }: LoggedChunk) =>
    stream === "stderr" ? stdio.error(data) : stdio.output(data);
  try {
    let after: string | undefined;
    if (tail !== undefined) {
      const read = await readAll(runtime, container, signal);
      after = read.at(-1)?.cursor;
      for (const chunk of lastLines(read, tail)) await print(chunk);
      if (!follow) return;
    }
    const options = { follow, signal, ...(after === undefined ? {} : { after }) };
    for await (const chunk of runtime.logs(container, options)) await print(chunk);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function readAll(
  runtime: Runtime,
  container: string,
  signal: AbortSignal,
): Promise<readonly LoggedChunk[]> {
  return await Array.fromAsync(runtime.logs(container, { follow: false, signal }));
}

/** The chunks from which on there are so many lines, the first one cut. */
function lastLines(chunks: readonly LoggedChunk[], lines: number): readonly LoggedChunk[] {
  if (lines === 0) return [];
  let missing = lines;
  for (const [index, chunk] of [...chunks.entries()].reverse()) {
    const isLast = index === chunks.length - 1;
    for (let at = chunk.data.length - 1; at >= 0; at--) {
      const isFinalNewline = isLast && at === chunk.data.length - 1;
      if (chunk.data[at] !== NEWLINE || isFinalNewline || --missing > 0) continue;
      return [{ ...chunk, data: chunk.data.subarray(at + 1) }, ...chunks.slice(index + 1)];
    }
  }
  return chunks;
}
