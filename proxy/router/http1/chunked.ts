/**
 * Takes chunked bodies apart (RFC 9112 7.1) and puts them together again.
 *
 * Sizes are plain hexadecimal; extensions are checked, counted and dropped. Payload is moved to the
 * front of the bytes given, so that it can be forwarded as one piece. Trailers are left to the caller.
 *
 * @module
 */

import { CR, HEX_VALUE, LF, SEMICOLON, TEXT } from "./characters.ts";
import { Refusal } from "./refusal.ts";

/** Bytes of one chunk's extensions; nobody sends any (RFC 9112 7.1.1 asks for a limit). */
const MAX_EXTENSION_BYTES = 256;
/** Digits of a size: the largest is below 2^53. */
const MAX_SIZE_DIGITS = 13;

type Phase = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "done";

/** Decodes one body. */
export class ChunkedDecoder {
  /** Payload of the last `decode` is `bytes[start, payloadEnd)`. */
  payloadEnd = 0;
  #phase: Phase = "size";
  #size = 0;
  #digits = 0;
  #extension = 0;

  /** The last chunk has been read; what follows are the trailers. */
  get isDone(): boolean {
    return this.#phase === "done";
  }

  /**
   * Decodes `bytes[start, end)` in place and returns the offset behind what it took.
   *
   * @throws Refusal
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let payload = start;
    while (at < end && this.#phase !== "done") {
      if (this.#phase === "data") {
        const taken = Math.min(this.#size, end - at);
        if (payload !== at) bytes.copyWithin(payload, at, at + taken);
        payload += taken;
        at += taken;
        this.#size -= taken;
        if (this.#size === 0) this.#phase = "data-cr";
      } else {
        this.#step(bytes[at] ?? 0);
        at += 1;
      }
    }
    this.payloadEnd = payload;
    return at;
  }

  #step(byte: number): void {
    switch (this.#phase) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        if (byte === CR) {
          this.#phase = "size-lf";
        } else if (TEXT[byte] !== 1 || ++this.#extension > MAX_EXTENSION_BYTES) {
          throw new Refusal("an odd or long chunk extension");
        }
        return;
      case "size-lf":
        if (byte !== LF) throw new Refusal("an odd end of a chunk's size");
        this.#phase = this.#size === 0 ? "done" : "data";
        return;
      case "data-cr":
        if (byte !== CR) throw new Refusal("a chunk longer than its size");
        this.#phase = "data-lf";
        return;
      default:
        if (byte !== LF) throw new Refusal("an odd end of a chunk");
        this.#phase = "size";
        this.#size = 0;
        this.#digits = 0;
        this.#extension = 0;
    }
  }

  #sizeByte(byte: number): void {
    const digit = HEX_VALUE[byte] ?? 255;
    if (digit < 16) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new Refusal("an oversized chunk");
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw new Refusal("a chunk without a size");
    if (byte === CR) this.#phase = "size-lf";
    else if (byte === SEMICOLON) this.#phase = "extension";
    else throw new Refusal("an odd chunk size");
  }
}

/** Room that a chunk's frame needs at most. */
export const CHUNK_FRAME_BYTES = MAX_SIZE_DIGITS + 4;

/** Writes `size` and CR LF at `at`; returns the offset behind it. */
export function putChunkSize(out: Uint8Array, at: number, size: number): number {
  const text = size.toString(16);
  for (let index = 0; index < text.length; index++) out[at + index] = text.charCodeAt(index);
  return putLineEnd(out, at + text.length);
}

/** Writes CR LF at `at`; returns the offset behind it. */
export function putLineEnd(out: Uint8Array, at: number): number {
  out[at] = CR;
  out[at + 1] = LF;
  return at + 2;
}
