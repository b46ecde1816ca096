/**
 * Sends frames: at once while nothing is being written, otherwise all that have
 * gathered in one write.
 *
 * It never refuses: what may be sent is limited by grants, see `frames.ts`.
 *
 * @module
 */

import { type Frame, HEAD_BYTES, putFrame } from "./frames.ts";

const FIRST_BYTES = 16 * 1024;
/** A buffer that a burst made larger is not kept. */
const KEPT_BYTES = 1024 * 1024;

/** Writes all of it, or rejects. The bytes are the sender's own again when it resolves. */
export type Write = (data: Uint8Array) => Promise<void>;

/** Writes to one relay. */
export class FrameSender {
  readonly #write: Write;
  #gathering: Uint8Array = new Uint8Array(FIRST_BYTES);
  #spare: Uint8Array = new Uint8Array(FIRST_BYTES);
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #broken = false;

  constructor(write: Write) {
    this.#write = write;
  }

  /** Copies the data. What cannot be written any more is lost: the reader hears of the end. */
  send(frame: Frame): void {
    if (this.#broken) return;
    const bytes = HEAD_BYTES + frame.data.length;
    if (this.#bytes + bytes > this.#gathering.length) this.#grow(this.#bytes + bytes);
    putFrame(this.#gathering, this.#bytes, frame);
    this.#bytes += bytes;
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when all of it is written, or cannot be. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#bytes > 0) {
        const full = this.#gathering;
        const bytes = this.#bytes;
        this.#gathering = this.#spare;
        this.#bytes = 0;
        await this.#write(full.subarray(0, bytes));
        this.#spare = full.length > KEPT_BYTES ? new Uint8Array(FIRST_BYTES) : full;
      }
    } catch {
      // Whoever reads from the relay hears of its end.
      this.#broken = true;
    } finally {
      this.#sending = undefined;
    }
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(bytes, this.#gathering.length * 2));
    grown.set(this.#gathering.subarray(0, this.#bytes));
    this.#gathering = grown;
  }
}
