/**
 * Bytes in the order in which they came, in one buffer that grows as needed.
 *
 * @module
 */

const FIRST_BYTES = 4096;

/** A first-in, first-out of bytes; holds no memory while it is empty. */
export class ByteQueue {
  #buffer: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies them. */
  push(data: Uint8Array): void {
    if (this.#end + data.length > this.#buffer.length) this.#makeRoom(data.length);
    this.#buffer.set(data, this.#end);
    this.#end += data.length;
  }

  /** Moves what fits; returns how much that was. */
  shift(into: Uint8Array): number {
    const taken = this.#buffer.subarray(
      this.#start,
      Math.min(this.#end, this.#start + into.length),
    );
    into.set(taken);
    this.#start += taken.length;
    if (this.length === 0) this.clear();
    return taken.length;
  }

  clear(): void {
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  #makeRoom(bytes: number): void {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const needed = held.length + bytes;
    // Room behind what is held makes the next moves rare.
    const wanted = Math.ceil(needed * 1.5);
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(Math.max(FIRST_BYTES, wanted));
    this.#buffer.set(held);
    this.#end = held.length;
    this.#start = 0;
  }
}
