/**
 * One connection, to a client or to an endpoint: its unused input and its output.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Buffers } from "./buffers.ts";
import { Source } from "./source.ts";

const WRITTEN = Promise.resolve(true);

/** A stream with its input; closed once, whoever asks first. */
export class Peer {
  readonly source: Source;
  isClosed = false;
  readonly #stream: ByteStream;
  #onWritten: ((isWritten: boolean) => void) | undefined;

  constructor(stream: ByteStream, large: Buffers, first?: Uint8Array) {
    this.#stream = stream;
    // What is written is a whole message or all that is there: waiting for more would only delay it.
    if ("setNoDelay" in stream && typeof stream.setNoDelay === "function") stream.setNoDelay(true);
    this.source = new Source(stream, large, first);
  }

  /** Writes everything; false when the connection is gone. One caller at a time. */
  write(bytes: Uint8Array): Promise<boolean> {
    if (this.isClosed) return Promise.resolve(false);
    if (bytes.length === 0) return WRITTEN;
    return new Promise((resolve) => {
      this.#onWritten = resolve;
      this.#writeFrom(bytes, 0);
    });
  }

  /** Ends our output, so that the other side sees the end. */
  async closeWrite(): Promise<void> {
    if (this.isClosed) return;
    try {
      await this.#stream.closeWrite();
    } catch {
      // Gone already.
    }
  }

  /**
   * Wakes who waits to read or write. A write that was under way may still use its bytes. Idempotent.
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const wasReading = this.source.isReading;
    this.source.abandon();
    this.#settleWrite(false);
    if (!wasReading) return this.#stream.close();
    // A read that waits keeps the descriptor open, so the other side is told first.
    this.#stream.closeWrite().catch(() => {}).finally(() => this.#stream.close());
  }

  #writeFrom(bytes: Uint8Array, from: number): void {
    this.#stream.write(from === 0 ? bytes : bytes.subarray(from)).then(
      (count) => {
        if (from + count >= bytes.length || this.isClosed) this.#settleWrite(!this.isClosed);
        else this.#writeFrom(bytes, from + count);
      },
      // Whatever the stream's error: the other side cannot be told anything any more.
      () => this.#settleWrite(false),
    );
  }

  #settleWrite(isWritten: boolean): void {
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    onWritten?.(isWritten);
  }
}
