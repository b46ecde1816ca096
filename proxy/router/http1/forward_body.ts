/**
 * Moves one body from a connection to another, in either direction.
 *
 * One piece at a time: the next is read when the last has been taken, so a slow reader slows the
 * sender, and nothing waits for more than what is there.
 *
 * @module
 */

import { ChunkedDecoder } from "./chunked.ts";
import type { Framing } from "./framing.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  FORWARDED,
  HOST,
  OTHER,
  TRANSFER_ENCODING,
} from "./header_names.ts";
import { HeaderBlock } from "./header_block.ts";
import type { Limits } from "./limits.ts";
import type { Outlet } from "./outlet.ts";
import { Refusal } from "./refusal.ts";
import type { Source } from "./source.ts";

/** How it ended: complete, the sender is gone too early, or the receiver is gone. */
export type BodyOutcome = "done" | "source-gone" | "target-gone";

/** Longer pieces are written from where they are instead of being copied. */
const COPIED_BYTES = 16 * 1024;

/** Options of {@linkcode forwardBody}. */
export interface ForwardBodyOptions {
  readonly framing: Framing;
  /** How the receiver sees it: as chunks, or as it is (a known length, or until close). */
  readonly asChunks: boolean;
  readonly limits: Limits;
}

/**
 * Sends what the outlet holds already, and the body behind it.
 *
 * @throws Refusal when the sender's chunks are malformed; some may have been forwarded.
 */
export function forwardBody(
  source: Source,
  outlet: Outlet,
  { framing, asChunks, limits }: ForwardBodyOptions,
): Promise<BodyOutcome> {
  switch (framing.kind) {
    case "length":
      if (addWhole(source, outlet, framing.length)) return outlet.flush().then(outcomeOfFlush);
      return forwardLength(source, outlet, framing.length);
    case "chunked":
      return forwardChunks(source, outlet, { asChunks, limits });
    case "until-close":
      return forwardRest(source, outlet, asChunks);
  }
}

/** Adds a short body that is there already; false for any other. */
function addWhole(source: Source, outlet: Outlet, length: number): boolean {
  if (length > source.available || length > COPIED_BYTES) return false;
  const end = source.start + length;
  outlet.add(source.bytes, source.start, end);
  source.start = end;
  return true;
}

function outcomeOfFlush(isFlushed: boolean): BodyOutcome {
  return isFlushed ? "done" : "target-gone";
}

async function forwardLength(source: Source, outlet: Outlet, length: number): Promise<BodyOutcome> {
  let left = length;
  for (;;) {
    const size = Math.min(left, source.available);
    if (size > 0) {
      const end = source.start + size;
      if (size <= COPIED_BYTES) outlet.add(source.bytes, source.start, end);
      else if (!await outlet.write(source.bytes, source.start, end)) return "target-gone";
      source.start += size;
      left -= size;
    }
    if (!await outlet.flush()) return "target-gone";
    if (left === 0) return "done";
    if (!await source.more()) return "source-gone";
  }
}

async function forwardRest(
  source: Source,
  outlet: Outlet,
  asChunks: boolean,
): Promise<BodyOutcome> {
  for (;;) {
    while (source.available > 0) {
      const size = outlet.chunkRoom(source.available);
      const end = source.start + size;
      if (asChunks) outlet.chunk(source.bytes, source.start, end);
      else outlet.add(source.bytes, source.start, end);
      source.start = end;
      if (source.available > 0 && !await outlet.flush()) return "target-gone";
    }
    if (!await outlet.flush()) return "target-gone";
    if (!await source.more()) break;
  }
  if (source.broken) return "source-gone";
  if (asChunks) outlet.text("0\r\n\r\n");
  return await outlet.flush() ? "done" : "target-gone";
}

async function forwardChunks(
  source: Source,
  outlet: Outlet,
  { asChunks, limits }: { readonly asChunks: boolean; readonly limits: Limits },
): Promise<BodyOutcome> {
  const decoder = new ChunkedDecoder();
  for (;;) {
    while (source.available > 0 && !decoder.isDone) {
      const { bytes, start } = source;
      const room = outlet.chunkRoom(source.available);
      const behind = decoder.decode(bytes, start, start + room);
      if (decoder.payloadEnd > start) {
        if (asChunks) outlet.chunk(bytes, start, decoder.payloadEnd);
        else outlet.add(bytes, start, decoder.payloadEnd);
      }
      source.start = behind;
      if (source.available > 0 && !decoder.isDone && !await outlet.flush()) return "target-gone";
    }
    if (decoder.isDone) break;
    if (!await outlet.flush()) return "target-gone";
    if (!await source.more()) return "source-gone";
  }
  return await forwardTrailers(source, outlet, { asChunks, limits });
}

async function forwardTrailers(
  source: Source,
  outlet: Outlet,
  { asChunks, limits }: { readonly asChunks: boolean; readonly limits: Limits },
): Promise<BodyOutcome> {
  const block = new HeaderBlock(limits);
  block.reset("trailers");
  while (source.available === 0 || !block.scan(source.bytes, source.start, source.end)) {
    // Payload that is here already does not wait for trailers that are not.
    if (!await outlet.flush()) return "target-gone";
    if (!await source.more()) return "source-gone";
  }
  if (asChunks) {
    outlet.text("0\r\n");
    for (const { id, nameStart, end } of block.fields) {
      if (FRAMING.has(id)) throw new Refusal("a trailer that frames or routes");
      if (id === OTHER) outlet.add(block.bytes, block.base + nameStart, block.base + end);
    }
    outlet.text("\r\n");
  }
  source.start += block.length;
  return await outlet.flush() ? "done" : "target-gone";
}

/** Fields that may never be trailers (RFC 9110 6.5.1), because someone might act on them. */
const FRAMING: ReadonlySet<number> = new Set([
  HOST,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  CONNECTION,
  FORWARDED,
]);
