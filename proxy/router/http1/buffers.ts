/**
 * Byte arrays that are lent for one write or one body, so that idle connections hold none.
 *
 * @module
 */

/** The two sizes that are lent. */
export interface LentBuffers {
  /** For heads with short bodies. */
  readonly small: Buffers;
  /** For bodies that are larger. */
  readonly large: Buffers;
}

/** A stack of byte arrays of one size. */
export class Buffers {
  readonly sizeBytes: number;
  readonly #maxKept: number;
  readonly #free: Uint8Array[] = [];

  /** No more than `maxKept` wait for the next borrower: what was lent beyond is made each time. */
  constructor(sizeBytes: number, { maxKept }: { readonly maxKept: number }) {
    this.sizeBytes = sizeBytes;
    this.#maxKept = maxKept;
  }

  /** Its content is anything. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.sizeBytes);
  }

  /** One of another size is left to the garbage collector. Nothing may use it any more. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < this.#maxKept && buffer.length === this.sizeBytes) {
      this.#free.push(buffer);
    }
  }
}
