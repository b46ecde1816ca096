/**
 * Sends frames: at once while nothing is being written, otherwise all that have
 * gathered in one write.
 *
 * Grants do not limit what gathers, as a relay can grant without reading: data waits for room, and
 * who has said too much to a relay that does not listen breaks with it.
 *
 * @module
 */

import { type Frame, HEAD_BYTES, putFrame } from "./frames.ts";

const FIRST_BYTES = 16 * 1024;
/** A buffer that a burst made larger is not kept. */
const KEPT_BYTES = 1024 * 1024;
/** Data waits while so much has gathered. */
const FULL_BYTES = 1024 * 1024;
/** What else is said is an answer to the relay: one that reads leaves no such heap. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Writes all of it, or rejects. The bytes are the sender's own again when it resolves. */
export type Write = (data: Uint8Array) => Promise<void>;

/** Options of {@linkcode FrameSender}. */
export interface FrameSenderOptions {
  /** Told once when the relay does not listen and too much has gathered; nothing is sent any more. */
  giveUp(): void;
}

/** Writes to one relay. */
export class FrameSender {
  readonly #write: Write;
  readonly #options: FrameSenderOptions;
  readonly #waiting: (() => void)[] = [];
  #gathering: Uint8Array = new Uint8Array(FIRST_BYTES);
  #spare: Uint8Array = new Uint8Array(FIRST_BYTES);
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #broken = false;

  constructor(write: Write, options: FrameSenderOptions) {
    this.#write = write;
    this.#options = options;
  }

  /** Resolves when data may be sent again, which is to be asked anew then; `undefined`: now. */
  room(): Promise<void> | undefined {
    if (this.#broken || this.#bytes < FULL_BYTES) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Copies the data. What cannot be written any more is lost: the reader hears of the end. */
  send(frame: Frame): void {
    if (this.#broken) return;
    const bytes = HEAD_BYTES + frame.data.length;
    if (this.#bytes + bytes > MAX_BYTES) return this.#giveUp();
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
        this.#wakeWaiting();
        await this.#write(full.subarray(0, bytes));
        this.#spare = full.length > KEPT_BYTES ? new Uint8Array(FIRST_BYTES) : full;
      }
    } catch {
      // Whoever reads from the relay hears of its end.
      this.#break();
    } finally {
      this.#sending = undefined;
    }
  }

  #giveUp(): void {
    this.#break();
    this.#options.giveUp();
  }

  #break(): void {
    this.#broken = true;
    this.#bytes = 0;
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(bytes, this.#gathering.length * 2));
    grown.set(this.#gathering.subarray(0, this.#bytes));
    this.#gathering = grown;
  }
}
