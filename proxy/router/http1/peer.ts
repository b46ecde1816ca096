/**
 * One connection, to a client or to an endpoint: its unused input and its output.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Buffers } from "./buffers.ts";
import { Source } from "./source.ts";

const WRITTEN = Promise.resolve(true);
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A stream with its input; closed once, whoever asks first. */
export class Peer {
  readonly source: Source;
  isClosed = false;
  readonly #stream: ByteStream;
  #unwritten = NO_BYTES;
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
      this.#unwritten = bytes;
      this.#writeSome();
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

  #writeSome(): void {
    this.#stream.write(this.#unwritten).then(this.#onWrite, this.#onFailure);
  }

  readonly #onWrite = (count: number): void => {
    if (count >= this.#unwritten.length || this.isClosed) return this.#settleWrite(!this.isClosed);
    this.#unwritten = this.#unwritten.subarray(count);
    this.#writeSome();
  };

  /** Whatever the stream's error: the other side cannot be told anything any more. */
  readonly #onFailure = (): void => this.#settleWrite(false);

  #settleWrite(isWritten: boolean): void {
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    this.#unwritten = NO_BYTES;
    onWritten?.(isWritten);
  }
}
