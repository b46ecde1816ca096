/**
 * Finds out whether an engine speaks HTTP/2 without being asked to change to it.
 *
 * @module
 */

import { type Connect, type Connection, isGone, writeAll } from "../wire/connection.ts";

/** What a client of HTTP/2 sends first (RFC 9113 3.4), and an empty SETTINGS frame. */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS = 4;
const FRAME_HEAD_BYTES = 9;
const DEADLINE_MS = 5_000;

/** True when the first thing that comes back is a SETTINGS frame. */
export async function speaksHttp2(
  connect: Connect,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  const connection = await connect();
  const close = () => connection.close();
  const timer = setTimeout(close, DEADLINE_MS);
  signal?.addEventListener("abort", close);
  try {
    const settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
    await writeAll(connection, Uint8Array.of(...new TextEncoder().encode(PREFACE), ...settings));
    const head = await readExactly(connection, FRAME_HEAD_BYTES);
    return head?.[3] === SETTINGS && head.subarray(5).every((byte) => byte === 0);
  } catch (error) {
    signal?.throwIfAborted();
    if (isGone(error)) return false;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", close);
    close();
  }
}

async function readExactly(connection: Connection, size: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const count = await connection.read(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return bytes;
}
