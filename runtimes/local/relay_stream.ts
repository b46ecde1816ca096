/**
 * The client's side of a connection through the relay: a byte stream whose closing ends what waits.
 *
 * What is written goes in frames, so that the end of the output (the empty frame) and the end of the
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

  return {
    async read(into) {
      if (isClosed) return null;
      const reading = connection.read(into);
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

function frame(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + data.length);
  new DataView(framed.buffer).setUint32(0, data.length);
  framed.set(data, 4);
  return framed;
}
