/**
 * A connection whose bytes travel in the messages of a gRPC call.
 *
 * @module
 */

import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Connection } from "../wire/connection.ts";
import { writeMessage } from "./file_sync.ts";
import { readBytes } from "./messages.ts";

/** Wraps a call with `BytesMessage` both ways. Closing cancels it. */
export function callConnection(call: ClientDuplexStream<object, object>): Connection {
  const messages = call.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  let rest = new Uint8Array();
  return {
    async read(buffer) {
      while (rest.length === 0) {
        const next = await messages.next().catch(asEnd);
        if (next.done) return null;
        rest = Uint8Array.from(readBytes(next.value));
      }
      const size = Math.min(buffer.length, rest.length);
      buffer.set(rest.subarray(0, size));
      rest = rest.subarray(size);
      return size;
    },
    async write(data) {
      await writeMessage(call, { data }).catch(asGone);
      return data.length;
    },
    closeWrite() {
      call.end();
      return Promise.resolve();
    },
    close() {
      call.cancel();
    },
  };
}

/** A call that failed is a connection that ended; Solve tells why. */
function asEnd(): { readonly done: true; readonly value: undefined } {
  return { done: true, value: undefined };
}

function asGone(cause: unknown): never {
  throw new Deno.errors.BrokenPipe("The call has ended", { cause });
}
