/**
 * Large byte arrays that are lent for one write or one body, so that idle connections hold none.
 *
 * @module
 */

/** How many of one size are kept for the next borrower. */
const MAX_KEPT = 32;

/** A stack of byte arrays of one size. */
export class Buffers {
  readonly sizeBytes: number;
  readonly #free: Uint8Array[] = [];

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  /** Its content is anything. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.sizeBytes);
  }

  /** One of another size is left to the garbage collector. Nothing may use it any more. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < MAX_KEPT && buffer.length === this.sizeBytes) this.#free.push(buffer);
  }
}
