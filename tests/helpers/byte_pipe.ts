/**
 * Byte streams in memory that take and give little at a time: what carries HTTP is not always TCP.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";

/** How much fits until somebody reads. */
const CAPACITY_BYTES = 1000;

/** One direction. */
class Lane {
  readonly #waiting = new Set<() => void>();
  #bytes: number[] = [];
  #isEnded = false;

  async read(into: Uint8Array, most: number): Promise<number | null> {
    while (this.#bytes.length === 0) {
      if (this.#isEnded) return null;
      await this.#change();
    }
    const taken = this.#bytes.splice(0, Math.min(most, into.length));
    into.set(taken);
    this.#changed();
    return taken.length;
  }

  async write(data: Uint8Array, most: number): Promise<number> {
    while (!this.#isEnded && this.#bytes.length >= CAPACITY_BYTES) await this.#change();
    if (this.#isEnded) throw new Deno.errors.BrokenPipe("The pipe was closed");
    const taken = data.subarray(0, most);
    this.#bytes.push(...taken);
    this.#changed();
    return taken.length;
  }

  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/** Both ends of a connection; each call moves at most `most` bytes. */
export function bytePipe(most: number): readonly [ByteStream, ByteStream] {
  const [there, back] = [new Lane(), new Lane()];
  return [pipeEnd(back, there, most), pipeEnd(there, back, most)];
}

function pipeEnd(input: Lane, output: Lane, most: number): ByteStream {
  const close = () => {
    input.end();
    output.end();
  };
  return {
    read: (into) => input.read(into, most),
    write: (data) => output.write(data, most),
    closeWrite: () => Promise.resolve(output.end()),
    close,
    [Symbol.dispose]: close,
  };
}
