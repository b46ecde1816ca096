/**
 * Makes closing a connection end what waits on it.
 *
 * Deno's own `close()` leaves a read that waits waiting for ever, which also keeps the program
 * alive, and the other side hears nothing until then (seen with 2.7 and 2.8, TCP and Unix). So the
 * other side is told first, and what waits here is rejected.
 *
 * @module
 */

import type { Connection } from "./connection.ts";

/** The same connection; `close` rejects reads and writes under way with `Interrupted`. */
export function interruptible(connection: Deno.Conn): Connection {
  const waiting = new Set<(reason: unknown) => void>();
  let closed = false;

  function untilClosed<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (closed) throw new Deno.errors.BadResource("The connection was closed");
      waiting.add(reject);
      work().then(resolve, reject).finally(() => waiting.delete(reject));
    });
  }

  return {
    read: (buffer) => untilClosed(() => connection.read(buffer)),
    write: (data) => untilClosed(() => connection.write(data)),
    closeWrite: () => untilClosed(() => connection.closeWrite()),
    close() {
      if (closed) return;
      closed = true;
      connection.unref();
      // It may be gone already, which is what closing is for.
      connection.closeWrite().catch(() => {}).finally(() => connection.close());
      for (const reject of waiting) {
        reject(new Deno.errors.Interrupted("The connection was closed"));
      }
    },
  };
}
