/**
 * The two ends of a connection that never leaves this process.
 *
 * Nothing is kept in between: a write ends when the other end has read it, so that whoever is slow
 * slows the other.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";

/** What one end writes the other reads. */
export function memoryPipe(): readonly [ByteStream, ByteStream] {
  const [there, back] = [new Lane(), new Lane()];
  return [endOf(there, back), endOf(back, there)];
}

function endOf(input: Lane, output: Lane): ByteStream {
  const close = () => {
    input.close();
    output.close();
  };
  return {
    read: (into) => input.read(into),
    write: (data) => output.write(data),
    closeWrite: () => Promise.resolve(output.end()),
    close,
    [Symbol.dispose]: close,
  };
}

interface Pending<Result> {
  readonly bytes: Uint8Array;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** One direction; one reader and one writer at a time. */
class Lane {
  #reader: Pending<number | null> | undefined;
  #writer: Pending<number> | undefined;
  #isEnded = false;
  #isClosed = false;

  read(into: Uint8Array): Promise<number | null> {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    this.#reader = { bytes: into, resolve, reject };
    this.#move();
    return promise;
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#isClosed || this.#isEnded) return Promise.reject(brokenPipe());
    if (data.length === 0) return Promise.resolve(0);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#writer = { bytes: data, resolve, reject };
    this.#move();
    return promise;
  }

  /** The reader sees the end. */
  end(): void {
    this.#isEnded = true;
    this.#move();
  }

  /** The reader sees that it broke, unless the end came before. */
  close(): void {
    this.#isClosed = true;
    const writer = this.#writer;
    this.#writer = undefined;
    writer?.reject(brokenPipe());
    this.#move();
  }

  #move(): void {
    const [reader, writer] = [this.#reader, this.#writer];
    if (reader === undefined) return;
    if (writer === undefined) {
      if (!this.#isEnded && !this.#isClosed) return;
      this.#reader = undefined;
      if (this.#isEnded) reader.resolve(null);
      else reader.reject(new Deno.errors.ConnectionReset("The other end is closed"));
      return;
    }
    const size = Math.min(reader.bytes.length, writer.bytes.length);
    reader.bytes.set(writer.bytes.subarray(0, size));
    this.#reader = this.#writer = undefined;
    writer.resolve(size);
    reader.resolve(size);
  }
}

function brokenPipe(): Error {
  return new Deno.errors.BrokenPipe("The other end is closed");
}
