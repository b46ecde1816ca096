/**
 * Bodies of any length, framing and pieces, the same ones for the same seed.
 *
 * @module
 */

import { toBytes } from "./raw_http.ts";

/** Methods whose requests have bodies here; GET may have one, too. */
export const METHODS = ["POST", "PUT", "PATCH", "DELETE", "GET", "BREW"] as const;

/** What Content-Encoding says; the bytes are never what it says, so nobody can have decoded them. */
export const ENCODINGS = ["identity", "gzip", "deflate", "br", "zstd", "x-own"] as const;

const LENGTHS = [
  0,
  1,
  2,
  17,
  1000,
  4095,
  4096,
  4097,
  16_383,
  16_385,
  65_535,
  65_536,
  65_537,
  300_000,
];

/** A generator that gives the same numbers for the same seed: mulberry32. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("Nothing to choose from");
    return item;
  }

  bytes(count: number): Uint8Array {
    // Half of them look like the protocol, to trip whoever looks for it in bodies.
    const text = "\r\n0\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 5\r\n";
    return Uint8Array.from(
      { length: count },
      (_, at) => (at >> 6) % 2 === 0 ? this.below(256) : text.charCodeAt(at % text.length),
    );
  }
}

/** How a body's end is told. */
export type Shape = "length" | "chunks" | "until-close";

/** What is sent, and how. */
export interface RandomBody {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  /** A line without its end. */
  readonly trailer: string | undefined;
}

/** One in one of the shapes; chunks may have a trailer. */
export function randomBody(chance: Chance, shapes: readonly Shape[]): RandomBody {
  const shape = chance.of(shapes);
  return {
    bytes: chance.bytes(chance.of(LENGTHS)),
    shape,
    trailer: shape === "chunks" && chance.below(2) === 0
      ? `X-Sum: ${chance.below(1000)}`
      : undefined,
  };
}

/** The header line that frames it, if one does. */
export function framingLine({ bytes, shape }: RandomBody): string {
  if (shape === "length") return `Content-Length: ${bytes.length}\r\n`;
  return shape === "chunks" ? "Transfer-Encoding: chunked\r\n" : "";
}

/** The body as it goes over the wire, in chunks of any size if in chunks. */
export function encodeBody({ bytes, shape, trailer }: RandomBody, chance: Chance): Uint8Array {
  if (shape !== "chunks") return bytes;
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = Math.min(bytes.length - at, 1 + chance.below(chance.of([3, 500, 9000, 200_000])));
    const digits = size.toString(16).padStart(1 + chance.below(4), "0");
    const extension = chance.below(4) === 0 ? ';a="b"' : "";
    out.push(
      toBytes(`${digits}${extension}\r\n`),
      bytes.subarray(at, at + size),
      toBytes("\r\n"),
    );
    at += size;
  }
  out.push(toBytes(`0\r\n${trailer === undefined ? "" : `${trailer}\r\n`}\r\n`));
  return joinBytes(out);
}

/** Cut into pieces of any size, small ones too as long as there are not too many. */
export function* piecesOf(bytes: Uint8Array, chance: Chance): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length;) {
    const size = 1 +
      chance.below(chance.of([bytes.length, 70_000, 5000, bytes.length < 1500 ? 7 : 3000]));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** All of them in one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** SHA-256 in base64, so that large bodies can be compared in a message. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice()));
  return hash.toBase64();
}
