/**
 * One of the connections that a relay carries, as a byte stream.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";
import { ByteQueue } from "./byte_queue.ts";
import { FrameError, grantOf, MAX_DATA_BYTES, SAYS, type Says, WINDOW_BYTES } from "./frames.ts";

const NOTHING = new Uint8Array(0);

/** What a stream needs of the relay that carries it. */
export interface Carrier {
  send(says: Says, data: Uint8Array): void;
  /** Resolves when data may be sent again, which is to be asked anew then; `undefined`: now. */
  room(): Promise<void> | undefined;
  /** So many bytes more, or fewer, wait here for whoever reads. */
  hold(bytes: number): void;
  /** Nothing more is to be heard of this connection. */
  forget(): void;
}

interface Reader {
  readonly into: Uint8Array;
  resolve(count: number | null): void;
  reject(reason: unknown): void;
}

/** Moat's end. The methods that tell what has come are for the carrier. */
export class RelayedStream implements ByteStream {
  readonly #carrier: Carrier;
  readonly #received = new ByteQueue();
  readonly #writers: (() => void)[] = [];
  #reader: Reader | undefined;
  /** Bytes that may be sent. */
  #granted = WINDOW_BYTES;
  /** Bytes that the other side may send, and those that were read since it was last told. */
  #expected = WINDOW_BYTES;
  #read = 0;
  #inputEnded = false;
  #outputEnded = false;
  #closed = false;
  #broken = false;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError("The stream is being read already"));
    }
    if (this.#received.length > 0) {
      const count = this.#received.shift(into);
      this.#carrier.hold(-count);
      this.#grant(count);
      return Promise.resolve(count);
    }
    if (this.#inputEnded) return Promise.resolve(null);
    if (this.#broken) return Promise.reject(brokenConnection());
    return new Promise((resolve, reject) => {
      this.#reader = { into, resolve, reject };
    });
  }

  async write(data: Uint8Array): Promise<number> {
    await this.#mayWrite();
    if (this.#closed || this.#outputEnded) {
      throw new Deno.errors.BrokenPipe("The stream's output has ended");
    }
    if (this.#broken) throw brokenConnection();
    const taken = data.subarray(0, Math.min(this.#granted, MAX_DATA_BYTES));
    if (taken.length > 0) this.#carrier.send(SAYS.data, taken);
    this.#granted -= taken.length;
    return taken.length;
  }

  closeWrite(): Promise<void> {
    if (this.#isOver || this.#outputEnded) return Promise.resolve();
    this.#outputEnded = true;
    this.#carrier.send(SAYS.end, NOTHING);
    this.#forgetEnded();
    this.#wakeWriters();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    const isKnown = !this.#broken && !(this.#inputEnded && this.#outputEnded);
    this.#closed = true;
    this.#drop();
    this.#settleReader((reader) => reader.resolve(null));
    this.#wakeWriters();
    if (!isKnown) return;
    this.#carrier.send(SAYS.gone, NOTHING);
    this.#carrier.forget();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Data has come. @throws FrameError when it is more than was granted */
  onData(data: Uint8Array): void {
    this.#expected -= data.length;
    if (this.#expected < 0 || this.#inputEnded) {
      throw new FrameError("The relay sends more than it may");
    }
    const reader = this.#reader;
    if (reader === undefined) return this.#keep(data);
    const taken = data.subarray(0, reader.into.length);
    reader.into.set(taken);
    if (taken.length < data.length) this.#keep(data.subarray(taken.length));
    this.#grant(taken.length);
    this.#settleReader(({ resolve }) => resolve(taken.length));
  }

  /** The other side reads on. */
  onGrant(bytes: number): void {
    this.#granted = Math.min(this.#granted + bytes, WINDOW_BYTES);
    this.#wakeWriters();
  }

  /** The other side's output has ended. */
  onEnd(): void {
    this.#inputEnded = true;
    this.#settleReader(({ resolve }) => resolve(null));
    this.#forgetEnded();
  }

  /** The connection, or the relay, is gone. */
  onGone(): void {
    this.#broken = true;
    this.#settleReader(({ reject }) => reject(brokenConnection()));
    this.#wakeWriters();
  }

  /** Breaks it from here: what has come is not kept any longer. */
  breakOff(): void {
    this.#drop();
    this.#carrier.send(SAYS.gone, NOTHING);
    this.#carrier.forget();
    this.onGone();
  }

  get #isOver(): boolean {
    return this.#closed || this.#broken;
  }

  async #mayWrite(): Promise<void> {
    while (!this.#isOver) {
      if (this.#granted === 0) {
        await this.#change();
        continue;
      }
      const room = this.#carrier.room();
      if (room === undefined) return;
      await Promise.race([room, this.#change()]);
    }
  }

  #keep(data: Uint8Array): void {
    this.#received.push(data);
    this.#carrier.hold(data.length);
  }

  #drop(): void {
    this.#carrier.hold(-this.#received.length);
    this.#received.clear();
  }

  #grant(bytes: number): void {
    this.#read += bytes;
    if (this.#read < WINDOW_BYTES / 2 || this.#inputEnded || this.#broken) return;
    this.#carrier.send(SAYS.grant, grantOf(this.#read));
    this.#expected += this.#read;
    this.#read = 0;
  }

  #forgetEnded(): void {
    if (this.#inputEnded && this.#outputEnded) this.#carrier.forget();
  }

  #settleReader(settle: (reader: Reader) => void): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) settle(reader);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#writers.push(resolve));
  }

  #wakeWriters(): void {
    for (const wake of this.#writers.splice(0)) wake();
  }
}

/** What reads and writes reject with when the other side is gone. */
export function brokenConnection(): Error {
  return new Deno.errors.ConnectionReset("The connection with the inside broke");
}
