/**
 * Closes a connection, also while it is being read.
 *
 * @module
 */

/**
 * Says the end to the other side, then closes. Closing alone leaves the socket open as long as a
 * read is pending (Deno 2.8), so the other side would wait for ever. Idempotent.
 */
export function hangUp(connection: Deno.Conn): void {
  try {
    connection.closeWrite().catch(() => undefined);
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
