/**
 * A byte connection to an engine, whatever carries it.
 *
 * @module
 */

/** A duplex connection; `Deno.Conn` is one. */
export interface Connection {
  /** Reads at most the buffer's length; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes at most all of it and returns how much. */
  write(data: Uint8Array): Promise<number>;
  /** Ends our side; the other side may still send. */
  closeWrite(): Promise<void>;
  /** Ends both sides. Reads and writes under way reject. */
  close(): void;
}

/** Makes one new connection. */
export type Connect = () => Promise<Connection>;

/** Writes everything. */
export async function writeAll(connection: Connection, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await connection.write(data.subarray(sent));
}

/** Says whether the error means that the connection is gone. */
export function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.NotConnected;
}
