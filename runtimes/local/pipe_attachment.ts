/**
 * A command's standard streams through pipes.
 *
 * One read per stream is under way at most, and only while the consumer wants more: a slow
 * consumer slows the command, and memory stays flat.
 *
 * @module
 */

import type { Attachment, OutputChunk } from "../../core/plugin/runtime.ts";

/** The pipes of one command. */
export interface CommandPipes {
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
  readonly stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly stderr: ReadableStreamDefaultReader<Uint8Array>;
}

/** Makes an attachment of pipes. */
export function pipeAttachment({ input, stdout, stderr }: CommandPipes): Attachment {
  let closed = false;
  return {
    output: mergeOutput(stdout, stderr),
    async write(data) {
      await forgiving(() => input.write(data));
    },
    async closeInput() {
      if (closed) return;
      closed = true;
      await forgiving(() => input.close());
    },
    resize: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {
      await this.closeInput();
      await Promise.all([stdout.cancel(), stderr.cancel()].map((done) => done.catch(ignore)));
    },
  };
}

/** Not `Promise.race`: it would leave one reaction per chunk on the stream that stays silent. */
async function* mergeOutput(
  stdout: ReadableStreamDefaultReader<Uint8Array>,
  stderr: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<OutputChunk> {
  const readers = { stdout, stderr };
  const arrived: { stream: "stdout" | "stderr"; result: ReadableStreamReadResult<Uint8Array> }[] =
    [];
  const failed: unknown[] = [];
  let wake = Promise.withResolvers<void>();
  const request = (stream: "stdout" | "stderr") => {
    readers[stream].read().then(
      (result) => void arrived.push({ stream, result }),
      (error) => void failed.push(error),
    ).finally(() => wake.resolve());
  };
  request("stdout");
  request("stderr");
  let open = 2;
  while (open > 0) {
    const next = arrived.shift();
    if (next === undefined) {
      if (failed.length > 0) throw failed[0];
      await wake.promise;
      wake = Promise.withResolvers<void>();
    } else if (next.result.done) {
      open -= 1;
    } else {
      yield { stream: next.stream, data: next.result.value };
      request(next.stream);
    }
  }
}

/** Input that nobody reads is lost. */
async function forgiving(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe) && !(error instanceof TypeError)) throw error;
  }
}

function ignore(): void {}
