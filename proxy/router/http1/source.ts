/**
 * What has been read from a connection and not been used yet.
 *
 * A read may be started before anybody waits for it: that is how a client that goes away while it
 * waits for its response, and an unused connection that its endpoint closes, are noticed. Closing
 * wakes who waits, whatever the stream itself does: `Deno.Conn.close` leaves a read waiting.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Buffers } from "./buffers.ts";

/** Enough for most heads; bodies make it grow. */
const SMALL_BYTES = 4 * 1024;
/** A head may not be larger than this, see `limits.ts`. */
const MAX_BYTES = 128 * 1024;

/** One side's input, read one piece at a time. */
export class Source {
  /** Unused bytes are `bytes[start, end)`. Moved by `fill` and `more` only. */
  bytes: Uint8Array;
  start = 0;
  end = 0;
  /** There will be nothing more, because the other side ended its output. */
  ended = false;
  /** There will be nothing more, because the connection broke or was closed here. */
  broken = false;
  /** Called once when the input ends or breaks while nobody waits for more. */
  onGone: (() => void) | undefined;
  /** How many reads have brought something. */
  pieces = 0;
  readonly #stream: ByteStream;
  readonly #large: Buffers;
  #reading = false;
  #wasFull = false;
  #wake: ((more: boolean) => void) | undefined;

  /** `large`: what bodies are read into, lent while they pass. */
  constructor(stream: ByteStream, large: Buffers, first?: Uint8Array) {
    this.#stream = stream;
    this.#large = large;
    this.bytes = new Uint8Array(Math.max(SMALL_BYTES, first?.length ?? 0));
    if (first !== undefined) {
      this.bytes.set(first);
      this.end = first.length;
    }
  }

  get available(): number {
    return this.end - this.start;
  }

  /** Starts a read unless one is under way. Nobody may be using the bytes. */
  fill(): void {
    if (this.#reading || this.ended || this.broken) return;
    if (!this.#makeRoom()) return;
    this.#reading = true;
    this.#stream.read(this.end === 0 ? this.bytes : this.bytes.subarray(this.end)).then(
      this.#onRead,
      this.#onFailure,
    );
  }

  /** Waits for more bytes; false when there will be none. One caller at a time. */
  more(): Promise<boolean> {
    this.fill();
    if (this.ended || this.broken) return Promise.resolve(false);
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Tells who waits for more that it will not get any; a read under way goes on. */
  interrupt(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(false);
  }

  /** Forgets the unused bytes' large buffer when there are none. */
  shrink(): void {
    if (this.#reading || this.start !== this.end || this.bytes.length <= SMALL_BYTES * 4) return;
    this.#large.give(this.bytes);
    this.bytes = new Uint8Array(SMALL_BYTES);
    this.start = this.end = 0;
    this.#wasFull = false;
  }

  /** Wakes who waits; the stream is closed by its owner. Idempotent. */
  abandon(): void {
    this.broken = true;
    this.onGone = undefined;
    this.#settle(false);
  }

  /** True while a read is under way, which `Deno.Conn.close` would not end. */
  get isReading(): boolean {
    return this.#reading;
  }

  readonly #onRead = (count: number | null): void => {
    this.#reading = false;
    if (this.broken) return;
    if (count === null) {
      this.ended = true;
      this.#settle(false);
      return;
    }
    this.pieces += 1;
    this.end += count;
    this.#wasFull = this.end === this.bytes.length;
    this.#settle(true);
  };

  readonly #onFailure = (): void => {
    this.#reading = false;
    if (this.broken) return;
    this.broken = true;
    this.#settle(false);
  };

  #settle(more: boolean): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) return wake(more);
    if (more) return;
    const onGone = this.onGone;
    this.onGone = undefined;
    onGone?.();
  }

  /** False when the buffer is full of unused bytes and may not grow. */
  #makeRoom(): boolean {
    if (this.start === this.end) {
      this.start = this.end = 0;
      if (this.#wasFull && this.bytes.length < this.#large.sizeBytes) {
        this.bytes = this.#large.take();
      }
      this.#wasFull = false;
      return true;
    }
    if (this.end < this.bytes.length) return true;
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      return true;
    }
    if (this.bytes.length >= MAX_BYTES) return false;
    const larger = new Uint8Array(Math.min(MAX_BYTES, this.bytes.length * 4));
    larger.set(this.bytes);
    this.bytes = larger;
    return true;
  }
}
