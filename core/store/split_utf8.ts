/**
 * Cuts bytes into pieces that are text where they can be.
 *
 * @module
 */

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A piece of output; `text` is there when all of it is UTF-8. */
export interface Utf8Piece {
  readonly data: Uint8Array;
  readonly text?: string;
}

/** Result of {@linkcode splitUtf8}. */
export interface SplitUtf8 {
  readonly pieces: readonly Utf8Piece[];
  /** At most three bytes: the start of a character whose end is not there yet. */
  readonly tail: Uint8Array;
}

/** Splits into pieces of at most `maxBytes`, not inside of characters, and an unfinished rest. */
export function splitUtf8(data: Uint8Array, options: { readonly maxBytes: number }): SplitUtf8 {
  const tail = data.subarray(data.length - unfinishedLength(data));
  const whole = data.subarray(0, data.length - tail.length);
  const pieces: Utf8Piece[] = [];
  for (let start = 0; start < whole.length;) {
    const limit = whole.subarray(start, start + options.maxBytes);
    const atEnd = start + limit.length === whole.length;
    const cut = atEnd ? limit.length : limit.length - unfinishedLength(limit);
    const piece = limit.subarray(0, cut === 0 ? limit.length : cut);
    pieces.push(...asText(piece));
    start += piece.length;
  }
  return { pieces, tail };
}

/** Bytes at the front that end a character begun elsewhere are set apart, so that the rest is text. */
function asText(data: Uint8Array): readonly Utf8Piece[] {
  const text = decode(data);
  if (text !== undefined) return [{ data, text }];
  const front = data.findIndex((byte) => !isContinuation(byte));
  if (front <= 0 || front > 3) return [{ data }];
  const rest = data.subarray(front);
  const restText = decode(rest);
  return restText === undefined
    ? [{ data }]
    : [{ data: data.subarray(0, front) }, { data: rest, text: restText }];
}

function decode(data: Uint8Array): string | undefined {
  try {
    return DECODER.decode(data);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** How many bytes at the end are the start of an unfinished character: 0 to 3. */
function unfinishedLength(data: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, data.length); back++) {
    const byte = data[data.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return byte < 0xf8 && length > back ? back : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
