/**
 * The streams of a call as runtimes give them: attachments and connections.
 *
 * @module
 */

import type { Attachment, ByteStream, OutputChunk } from "../runtime.ts";
import type { RuntimeCall } from "./runtime_call.ts";

/** The streams of a command. `close` says what leaving means to the call. */
export function attachmentOf(
  call: RuntimeCall,
  { close }: { close(): void | Promise<void> },
): Attachment {
  let hasEnded = false;
  return {
    output: chunksOf(call),
    write: (data) => hasEnded ? Promise.resolve() : call.write(data),
    async closeInput() {
      if (hasEnded) return;
      hasEnded = true;
      await call.order({ end: true });
    },
    resize: (size) => call.order({ size }),
    async [Symbol.asyncDispose]() {
      hasEnded = true;
      await close();
      call.discard();
    },
  };
}

async function* chunksOf(call: RuntimeCall): AsyncGenerator<OutputChunk> {
  for await (const { stream, data } of call.output()) {
    yield { stream, data: Uint8Array.fromBase64(data) };
  }
}

/** A connection. */
export function streamOf(call: RuntimeCall): ByteStream {
  const output = call.output();
  let rest: Uint8Array = new Uint8Array();
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    call.discard();
    call.order({ cancel: true }).catch(() => {});
  };
  return {
    async read(into) {
      while (rest.length === 0) {
        const { value, done } = await output.next();
        if (done || isClosed) return null;
        rest = Uint8Array.fromBase64(value.data);
      }
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    async write(data) {
      await call.write(data);
      return data.length;
    },
    closeWrite: () => call.order({ end: true }),
    close,
    [Symbol.dispose]: close,
  };
}
