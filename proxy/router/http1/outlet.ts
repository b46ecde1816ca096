/**
 * Output of one message, gathered so that a head and a short body are one write.
 *
 * @module
 */

import type { LentBuffers } from "./buffers.ts";
import { latin1Bytes } from "./characters.ts";
import { CHUNK_FRAME_BYTES, putChunkSize, putLineEnd } from "./chunked.ts";
import type { Peer } from "./peer.ts";

/** Copied in a loop, which costs less than a view of them. */
const SHORT_BYTES = 128;

/** Gathers bytes for a peer in a lent buffer; `release` gives it back. */
export class Outlet {
  readonly #peer: Peer;
  readonly #buffers: LentBuffers;
  #bytes: Uint8Array;
  #length = 0;
  #hasWritten = false;

  constructor(peer: Peer, buffers: LentBuffers) {
    this.#peer = peer;
    this.#buffers = buffers;
    this.#bytes = buffers.small.take();
  }

  /** Some of it is on its way to the peer. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** How many of `wanted` bytes one chunk can still take. */
  chunkRoom(wanted: number): number {
    const needed = this.#length + wanted + 2 * CHUNK_FRAME_BYTES;
    if (needed > this.#bytes.length) this.#widen();
    return Math.min(wanted, this.#bytes.length - this.#length - 2 * CHUNK_FRAME_BYTES);
  }

  /** Adds ASCII or Latin-1 text. */
  text(text: string): void {
    if (this.#length + text.length > this.#bytes.length) {
      return this.#add(latin1Bytes(text), 0, text.length);
    }
    const bytes = this.#bytes;
    const length = this.#length;
    for (let at = 0; at < text.length; at++) bytes[length + at] = text.charCodeAt(at);
    this.#length = length + text.length;
  }

  /** Adds `bytes[start, end)`, for which it grows. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (end > start) this.#add(bytes, start, end);
  }

  /** Adds one chunk of at most `chunkRoom` bytes. */
  chunk(bytes: Uint8Array, start: number, end: number): void {
    this.#length = putChunkSize(this.#bytes, this.#length, end - start);
    this.#add(bytes, start, end);
    this.#length = putLineEnd(this.#bytes, this.#length);
  }

  /** Writes what was gathered, and then `bytes[start, end)` from where they are; false as `flush`. */
  async write(bytes: Uint8Array, start: number, end: number): Promise<boolean> {
    return await this.flush() && await this.#peer.write(bytes.subarray(start, end));
  }

  /** Writes what was gathered; false when the peer is gone. */
  flush(): Promise<boolean> {
    const length = this.#length;
    this.#length = 0;
    if (length > 0) this.#hasWritten = true;
    return this.#peer.write(this.#bytes.subarray(0, length));
  }

  /** After a close, a write may still be reading the buffer, which is then not lent again. */
  release(): void {
    if (this.#peer.isClosed) return;
    // Each keeps those of its own size.
    this.#buffers.small.give(this.#bytes);
    this.#buffers.large.give(this.#bytes);
  }

  #widen(): void {
    const { small, large } = this.#buffers;
    if (this.#bytes.length >= large.sizeBytes) return;
    const narrow = this.#bytes;
    this.#bytes = large.take();
    this.#bytes.set(narrow.subarray(0, this.#length));
    if (!this.#peer.isClosed) small.give(narrow);
  }

  #add(from: Uint8Array, start: number, end: number): void {
    const length = this.#length;
    const newLength = length + end - start;
    if (newLength > this.#bytes.length) this.#widen();
    if (newLength > this.#bytes.length) {
      const larger = new Uint8Array(newLength * 2);
      larger.set(this.#bytes.subarray(0, length));
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    if (newLength - length > SHORT_BYTES) bytes.set(from.subarray(start, end), length);
    else for (let at = start; at < end; at++) bytes[length + at - start] = from[at] ?? 0;
    this.#length = newLength;
  }
}
