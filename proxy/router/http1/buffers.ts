/**
 * Large byte arrays that are lent for one write, so that idle connections hold none.
 *
 * @module
 */

/** Room for a head of 64 KiB with what is added to it, or 64 KiB of body with its frame. */
export const LARGE_BYTES = 80 * 1024;

/** How many are kept for the next borrower. */
const MAX_KEPT = 64;

/** A stack of byte arrays of `LARGE_BYTES`. */
export class Buffers {
  readonly #free: Uint8Array[] = [];

  /** Its content is anything. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(LARGE_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length < MAX_KEPT && buffer.length === LARGE_BYTES) this.#free.push(buffer);
  }
}
