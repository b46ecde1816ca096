/**
 * Reads the head of an HTTP/1.1 message from a connection, and what came behind it.
 *
 * @module
 */

/** Longer heads are not read. */
const MAX_HEAD_BYTES = 64 * 1024;

/** A head up to and with its empty line, as Latin-1, and the bytes that followed. */
export interface Head {
  readonly text: string;
  readonly rest: Uint8Array;
}

/** The head, or `undefined` when the other end closes, sends too much or takes too long. */
export async function readHead(from: Deno.Conn, timeoutMs: number): Promise<Head | undefined> {
  const { promise: overtime, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  try {
    return await Promise.race([readUntilEmptyLine(from), overtime]);
  } finally {
    clearTimeout(timer);
  }
}

async function readUntilEmptyLine(from: Deno.Conn): Promise<Head | undefined> {
  let data = new Uint8Array(0);
  const buffer = new Uint8Array(16 * 1024);
  while (data.length < MAX_HEAD_BYTES) {
    const count = await from.read(buffer);
    if (count === null) return undefined;
    const joined = new Uint8Array(data.length + count);
    joined.set(data);
    joined.set(buffer.subarray(0, count), data.length);
    const end = endOfHead(joined, Math.max(0, data.length - 3));
    if (end >= 0) return { text: decodeLatin1(joined.subarray(0, end)), rest: joined.slice(end) };
    data = joined;
  }
  return undefined;
}

/** Latin-1 text as bytes. */
export function encodeLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function decodeLatin1(data: Uint8Array): string {
  return Array.from(data, (byte) => String.fromCharCode(byte)).join("");
}

/** Index behind `\r\n\r\n`, searched from an offset, or -1. */
function endOfHead(data: Uint8Array, from: number): number {
  for (let i = from; i + 3 < data.length; i++) {
    if (data[i] === 13 && data[i + 1] === 10 && data[i + 2] === 13 && data[i + 3] === 10) {
      return i + 4;
    }
  }
  return -1;
}
