/**
 * Reads a protocol's pieces from a byte stream, however the stream cuts them.
 *
 * @module
 */

import type { ByteStream } from "../plugin/runtime.ts";

/** More than any answer that readiness asks for. */
const MOST_BYTES = 256 * 1024;

/** The other side ended the connection in the middle of its answer. */
export class ConnectionEndedError extends Error {
  override readonly name = "ConnectionEndedError";
}

/** Takes bytes off a stream in the sizes that are asked for. */
export class ByteReader {
  readonly #stream: ByteStream;
  readonly #piece = new Uint8Array(4096);
  #held = new Uint8Array();
  #taken = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Exactly so many bytes. @throws ConnectionEndedError, RangeError when it is too much */
  async take(size: number): Promise<Uint8Array> {
    while (this.#held.length < size) await this.#more();
    return this.#cut(size);
  }

  /** The line up to the next line feed, without it and a carriage return before it. */
  async takeLine(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(10);
      if (end !== -1) return new TextDecoder().decode(this.#cut(end + 1)).replace(/\r?\n$/, "");
      await this.#more();
    }
  }

  #cut(size: number): Uint8Array {
    const cut = this.#held.subarray(0, size);
    this.#held = this.#held.subarray(size);
    return cut;
  }

  async #more(): Promise<void> {
    if (this.#taken > MOST_BYTES) throw new RangeError("the answer does not end");
    const read = await this.#stream.read(this.#piece);
    if (read === null) throw new ConnectionEndedError("the connection was closed");
    this.#taken += read;
    const both = new Uint8Array(this.#held.length + read);
    both.set(this.#held);
    both.set(this.#piece.subarray(0, read), this.#held.length);
    this.#held = both;
  }
}

/** Writes all of it. */
export async function writeAll(stream: ByteStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await stream.write(data.subarray(sent));
}
