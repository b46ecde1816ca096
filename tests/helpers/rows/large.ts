/**
 * A body larger than what the programs between a client and an endpoint may hold of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type RawConnection, toText } from "../raw_http.ts";

/** Its length. */
export const LARGE = 4 << 20;
const PIECE_BYTES = 1 << 16;

/** All of it. */
export function* largePieces(): Generator<Uint8Array, void, void> {
  const piece = Uint8Array.from({ length: PIECE_BYTES }, (_, at) => (at * 31 + (at >> 8)) & 255);
  for (let at = 0; at < LARGE; at += PIECE_BYTES) yield piece;
}

/** Sends all of it. */
export async function writeLarge(connection: RawConnection): Promise<void> {
  for (const piece of largePieces()) await connection.write(piece);
}

/** Reads exactly it. @throws AssertionError when it is something else */
export async function readLarge(connection: RawConnection): Promise<void> {
  let at = 0;
  for (const piece of largePieces()) {
    const bytes = await connection.readBytes(piece.length);
    assert(toText(bytes) === toText(piece), `other bytes behind ${at}`);
    at += piece.length;
  }
}
