/**
 * Moves bytes between two connections.
 *
 * @module
 */

import { type Connection, isGone, writeAll } from "../wire/connection.ts";

const PIECE_BYTES = 64 * 1024;

/** Moves bytes both ways until either side ends, then closes both. */
export async function joinConnections(one: Connection, other: Connection): Promise<void> {
  const pumps = [pump(one, other), pump(other, one)];
  try {
    await Promise.race(pumps);
  } finally {
    one.close();
    other.close();
    await Promise.allSettled(pumps);
  }
}

async function pump(from: Connection, to: Connection): Promise<void> {
  const buffer = new Uint8Array(PIECE_BYTES);
  try {
    for (let size; (size = await from.read(buffer)) !== null;) {
      await writeAll(to, buffer.subarray(0, size));
    }
  } catch (error) {
    // A side that goes away ends the other; the library reports its own view of that.
    if (!isGone(error)) throw error;
  }
}
