/**
 * Byte streams to servers on loopback, for tests of what talks over them.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";

/** Connects; a connection refused is an error, as with a runtime's `dial`. */
export async function dialLoopback(port: number): Promise<ByteStream> {
  return toByteStream(await Deno.connect({ hostname: "127.0.0.1", port }));
}

/** The stream of a connection: closing it ends reads that wait. */
export function toByteStream(connection: Deno.Conn): ByteStream {
  const waiting = new Set<() => void>();
  let isClosed = false;
  function close(): void {
    if (isClosed) return;
    isClosed = true;
    connection.closeWrite().catch(() => {}).finally(() => connection.close());
    for (const end of waiting) end();
  }
  return {
    read(into) {
      if (isClosed) return Promise.resolve(null);
      return new Promise((resolve, reject) => {
        const end = () => resolve(null);
        waiting.add(end);
        connection.read(into).then(resolve, reject).finally(() => waiting.delete(end));
      });
    },
    write: (data) => connection.write(data),
    closeWrite: () => connection.closeWrite(),
    close,
    [Symbol.dispose]: close,
  };
}
