/**
 * Leaves out the output that a CLI had logged before it handed its run over.
 *
 * The attached CLI gets output without positions, so bytes are counted, per stream.
 *
 * @module
 */

import type { LoggedChunk, OutputStream } from "../plugin/runtime.ts";

/** Yields what comes behind the counted bytes; `counts` is JSON of `{stdout, stderr, tty}`. */
export async function* skipLogged(
  output: AsyncIterable<LoggedChunk>,
  counts: string | undefined,
): AsyncGenerator<LoggedChunk> {
  const { stdout = 0, stderr = 0, tty = 0 } = Object(
    counts === undefined ? {} : JSON.parse(counts),
  );
  const missing: Record<OutputStream, number> = {
    stdout: Number(stdout),
    stderr: Number(stderr),
    tty: Number(tty),
  };
  for await (const chunk of output) {
    const skip = Math.min(missing[chunk.stream], chunk.data.length);
    missing[chunk.stream] -= skip;
    if (skip < chunk.data.length) yield { ...chunk, data: chunk.data.subarray(skip) };
  }
}
