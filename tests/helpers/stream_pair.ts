/**
 * The two ends of a connection that never leaves the program.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";
import { Channel } from "./channel.ts";

/** What one end writes the other reads. */
export function streamPair(): readonly [ByteStream, ByteStream] {
  const [there, back] = [new Channel<Uint8Array>(), new Channel<Uint8Array>()];
  return [endOf(there, back), endOf(back, there)];
}

/** Reads everything to the end, as text. */
export async function readText(stream: ByteStream): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let count; (count = await stream.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** Writes all of it. */
export async function writeAll(stream: ByteStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await stream.write(data.subarray(sent));
}

function endOf(input: Channel<Uint8Array>, output: Channel<Uint8Array>): ByteStream {
  let rest: Uint8Array = new Uint8Array(0);
  let closed = false;
  const close = () => {
    closed = true;
    input.close();
    output.close();
  };
  return {
    async read(into) {
      if (!closed && rest.length === 0) rest = await input.next() ?? rest;
      if (closed || rest.length === 0) return null;
      const taken = rest.subarray(0, into.length);
      rest = rest.subarray(taken.length);
      into.set(taken);
      return taken.length;
    },
    write(data) {
      if (output.isClosed) return Promise.reject(new Deno.errors.BrokenPipe("The end is closed"));
      if (data.length > 0) output.push(data.slice());
      return Promise.resolve(data.length);
    },
    closeWrite: () => Promise.resolve(output.close()),
    close,
    [Symbol.dispose]: close,
  };
}
