/**
 * The client's side of a connection through the relay: a byte stream whose closing ends what waits.
 *
 * Bytes come and go in frames, so that the end of an output (the empty frame) and the end of the
 * connection (the socket's) are told apart; see `script/relay_script.ts`.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";
import { hangUp } from "./network/hang_up.ts";
import { writeAll } from "./network/write_all.ts";

const MAX_FRAME_BYTES = 64 * 1024;

/** Owns the connection from now on. */
export function openRelayStream(connection: Deno.Conn): ByteStream {
  const closed = Promise.withResolvers<null>();
  let isClosed = false;
  let lastWrite: Promise<unknown> = Promise.resolve();

  /** Frames of writes that overlap must not mix. */
  function send(data: Uint8Array): Promise<void> {
    const sending = lastWrite.then(() => writeAll(connection, frame(data)));
    lastWrite = sending.catch(() => {});
    return sending;
  }

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    closed.resolve(null);
    connection.unref();
    hangUp(connection);
  }

  const frames = new FrameReader(connection);
  return {
    async read(into) {
      if (isClosed) return null;
      const reading = frames.read(into);
      // The relay ends it after the close; nobody waits for it any more.
      reading.catch(() => {});
      return await Promise.race([reading, closed.promise]);
    },
    async write(data) {
      const taken = data.subarray(0, MAX_FRAME_BYTES);
      // An empty frame is the end.
      if (taken.length > 0) await send(taken);
      return taken.length;
    },
    closeWrite: () => send(new Uint8Array(0)),
    close,
    [Symbol.dispose]: close,
  };
}

/** What comes in frames, without them. */
class FrameReader {
  readonly #connection: Deno.Conn;
  /** Bytes of the present frame that are still to come. */
  #left = 0;
  /** The length of the next, as far as it has come. */
  #length = 0;
  #lengthBytes = 0;
  #isEnded = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Null behind the empty frame. @throws ConnectionReset when the connection ends without it */
  async read(into: Uint8Array): Promise<number | null> {
    while (!this.#isEnded) {
      const count = await this.#connection.read(into);
      if (count === null) throw new Deno.errors.ConnectionReset("The connection broke");
      const taken = this.#unframe(into.subarray(0, count));
      if (taken > 0) return taken;
    }
    return null;
  }

  /** Moves what frames hold to the front; returns how much that is. */
  #unframe(bytes: Uint8Array): number {
    let taken = 0;
    for (let at = 0; at < bytes.length && !this.#isEnded;) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left);
        bytes.copyWithin(taken, at, end);
        taken += end - at;
        this.#left -= end - at;
        at = end;
        continue;
      }
      this.#length = this.#length * 256 + (bytes[at++] ?? 0);
      if (++this.#lengthBytes < 4) continue;
      this.#left = this.#length;
      this.#isEnded = this.#length === 0;
      this.#length = this.#lengthBytes = 0;
    }
    return taken;
  }
}

function frame(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + data.length);
  new DataView(framed.buffer).setUint32(0, data.length);
  framed.set(data, 4);
  return framed;
}
