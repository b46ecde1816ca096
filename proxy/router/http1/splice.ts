/**
 * Two connections that have become one: WebSocket and whatever else a 101 began.
 *
 * @module
 */

import type { Peer } from "./peer.ts";

/** Copies both ways until both have ended or one breaks; closes both. */
export async function splice(left: Peer, right: Peer): Promise<void> {
  await Promise.all([copy(left, right), copy(right, left)]);
  left.close();
  right.close();
}

async function copy(from: Peer, to: Peer): Promise<void> {
  const { source } = from;
  do {
    const { start, end } = source;
    if (end > start && !await to.write(source.bytes.subarray(start, end))) break;
    source.start = end;
  } while (await source.more());
  if (source.ended && source.available === 0) return await to.closeWrite();
  from.close();
  to.close();
}
