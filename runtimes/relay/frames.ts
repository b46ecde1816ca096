/**
 * What travels between moat and a relay inside a container: many connections over one stream.
 *
 * A frame is a connection's number (32 bits, big-endian), what it says (8), the length of its data
 * (16) and the data. Each side may send a connection's other side as many bytes as it has been granted,
 * {@linkcode WINDOW_BYTES} at first, so that nothing has to be held back for one that does not read.
 *
 * @module
 */

/**
 * What frames say. Whoever opens a connection gives it its number: the relay from 1 on, moat from
 * {@linkcode FIRST_OWN} on.
 */
export const SAYS = {
  /** The relay serves; with data: why it does not. Has no connection. */
  ready: 0,
  /** There is a new connection, or one that was asked for. */
  open: 1,
  data: 2,
  /** So many bytes more (32 bits) may be sent. */
  grant: 3,
  /** The sender's output has ended. */
  end: 4,
  /** The sender has let go of the connection; what it sent before still counts. */
  gone: 5,
  /**
   * Moat asks for a connection to the port and the first of the addresses that answers, all of them
   * apart by spaces. `open` or `gone` comes back.
   */
  connect: 6,
} as const;

/** One of {@linkcode SAYS}. */
export type Says = typeof SAYS[keyof typeof SAYS];

/** The first number that moat gives. */
export const FIRST_OWN = 0x80000000;

/** Bytes that a connection may send without a grant. */
export const WINDOW_BYTES = 256 * 1024;

/** Bytes in front of the data. */
export const HEAD_BYTES = 7;

/** The most data of one frame. */
export const MAX_DATA_BYTES = 0xffff;

/** Data other than a connection's is kept until it is whole. */
const MAX_WORD_BYTES = 1024;

/** What the relay sent is not what relays send. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** A frame, or of a connection's data the part that has arrived. */
export interface Frame {
  readonly connection: number;
  readonly says: Says;
  /** A view of what was read. */
  readonly data: Uint8Array;
}

/** Writes head and data at the place. */
export function putFrame(into: Uint8Array, at: number, { connection, says, data }: Frame): void {
  const head = new DataView(into.buffer, into.byteOffset + at, HEAD_BYTES);
  head.setUint32(0, connection);
  head.setUint8(4, says);
  head.setUint16(5, data.length);
  into.set(data, at + HEAD_BYTES);
}

/** The data of a grant. */
export function grantOf(bytes: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, bytes);
  return data;
}

/** How many bytes are granted. @throws FrameError */
export function parseGrant(data: Uint8Array): number {
  if (data.length !== 4) throw new FrameError("The relay grants what is no number");
  return new DataView(data.buffer, data.byteOffset, 4).getUint32(0);
}

/** Takes frames out of pieces that are cut anywhere. */
export class FrameReader {
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headBytes = 0;
  #connection = 0;
  #says: Says = SAYS.ready;
  #left = 0;
  #word: number[] = [];

  /** @throws FrameError when these are no frames */
  *push(piece: Uint8Array): Generator<Frame, void, void> {
    for (let at = 0; at < piece.length;) {
      if (this.#headBytes < HEAD_BYTES) {
        const taken = piece.subarray(at, at + HEAD_BYTES - this.#headBytes);
        this.#head.set(taken, this.#headBytes);
        this.#headBytes += taken.length;
        at += taken.length;
        if (this.#headBytes < HEAD_BYTES) return;
        this.#begin();
      }
      const data = piece.subarray(at, at + this.#left);
      at += data.length;
      this.#left -= data.length;
      if (this.#left === 0) this.#headBytes = 0;
      if (this.#says === SAYS.data) {
        if (data.length > 0) yield this.#frame(data);
        continue;
      }
      this.#word.push(...data);
      if (this.#left === 0) yield this.#frame(Uint8Array.from(this.#word));
    }
  }

  #begin(): void {
    const head = new DataView(this.#head.buffer);
    const says = Object.values(SAYS).find((known) => known === this.#head[4]);
    this.#connection = head.getUint32(0);
    this.#left = head.getUint16(5);
    if (says === undefined || (says !== SAYS.data && this.#left > MAX_WORD_BYTES)) {
      throw new FrameError("The relay sends what is no frame");
    }
    this.#says = says;
    this.#word = [];
  }

  #frame(data: Uint8Array): Frame {
    return { connection: this.#connection, says: this.#says, data };
  }
}
