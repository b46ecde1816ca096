/**
 * Takes apart the engine's stream format: frames of an 8-byte header (stream, three zeros, length
 * big-endian) and data. Frames may be split over reads anywhere, and may be empty.
 *
 * @module
 */

import type { OutputStream } from "../../../core/plugin/runtime.ts";

const HEADER_BYTES = 8;

/** A frame, or the part of one that has arrived. */
export interface FramePart {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
  /** No more of this frame follows. */
  readonly ends: boolean;
}

/** Incremental: feed it what was read, get what is known so far. */
export class Demultiplexer {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #stream: OutputStream = "stdout";
  #left = 0;

  /** Parts in order; data are views of the piece. */
  *push(piece: Uint8Array): Generator<FramePart, void, void> {
    for (let at = 0; at < piece.length;) {
      if (this.#left > 0) {
        const data = piece.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        yield { stream: this.#stream, data, ends: this.#left === 0 };
        continue;
      }
      const taken = piece.subarray(at, at + HEADER_BYTES - this.#headerBytes);
      this.#header.set(taken, this.#headerBytes);
      this.#headerBytes += taken.length;
      at += taken.length;
      if (this.#headerBytes < HEADER_BYTES) return;
      this.#headerBytes = 0;
      // 0 and 1 are output; 3 is the engine's own word about the stream.
      this.#stream = (this.#header[0] ?? 0) < 2 ? "stdout" : "stderr";
      this.#left = new DataView(this.#header.buffer).getUint32(4);
      if (this.#left === 0) yield { stream: this.#stream, data: new Uint8Array(0), ends: true };
    }
  }
}
