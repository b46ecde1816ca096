/**
 * As much of HPACK (RFC 7541) as one gRPC call needs: headers without compression out, and the
 * status of the trailers in.
 *
 * @module
 */

/** `grpc-status` in the code of RFC 7541, appendix B, which most servers use. */
const GRPC_STATUS_CODED = new Uint8Array([0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f]);
/** Codes of the digits: 0 to 2 have five bits, 3 to 9 six. */
const DIGITS = [
  "00000",
  "00001",
  "00010",
  "011001",
  "011010",
  "011011",
  "011100",
  "011101",
  "011110",
  "011111",
] as const;

/** Header fields as literals that no table keeps. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const bytes = Object.entries(headers).flatMap((words) => {
    const [name = [], value = []] = words.map((word) => [...encoder.encode(word)]);
    return [0, ...length(name.length), ...name, ...length(value.length), ...value];
  });
  return new Uint8Array(bytes);
}

function length(size: number): readonly number[] {
  if (size < 127) return [size];
  const rest = [];
  for (let left = size - 127;; left >>= 7) {
    if (left < 128) return [127, ...rest, left];
    rest.push(left & 127 | 128);
  }
}

/** The status in a block of trailers, or `undefined`. */
export function grpcStatus(block: Uint8Array): string | undefined {
  const cursor = { block, at: 0 };
  while (cursor.at < block.length) {
    const first = block[cursor.at] ?? 0;
    if ((first & 0x80) !== 0) {
      readInteger(cursor, 7);
    } else if ((first & 0xe0) === 0x20) {
      readInteger(cursor, 5);
    } else {
      const name = readInteger(cursor, (first & 0xc0) === 0x40 ? 6 : 4) === 0
        ? readString(cursor)
        : undefined;
      const value = readString(cursor);
      if (name !== undefined && isGrpcStatus(name)) return digitsOf(value);
    }
  }
  return undefined;
}

interface Cursor {
  readonly block: Uint8Array;
  at: number;
}

interface CodedString {
  readonly isCoded: boolean;
  readonly bytes: Uint8Array;
}

function readInteger(cursor: Cursor, prefixBits: number): number {
  const most = 2 ** prefixBits - 1;
  let value = (cursor.block[cursor.at++] ?? 0) & most;
  if (value < most) return value;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = cursor.block[cursor.at++] ?? 0;
    value += (byte & 127) << shift;
    if (byte < 128) break;
  }
  return value;
}

function readString(cursor: Cursor): CodedString {
  const isCoded = ((cursor.block[cursor.at] ?? 0) & 0x80) !== 0;
  const size = readInteger(cursor, 7);
  const bytes = cursor.block.subarray(cursor.at, cursor.at + size);
  cursor.at += size;
  return { isCoded, bytes };
}

function isGrpcStatus({ isCoded, bytes }: CodedString): boolean {
  if (!isCoded) return new TextDecoder().decode(bytes) === "grpc-status";
  return bytes.length === GRPC_STATUS_CODED.length &&
    bytes.every((byte, index) => byte === GRPC_STATUS_CODED[index]);
}

function digitsOf({ isCoded, bytes }: CodedString): string {
  if (!isCoded) return new TextDecoder().decode(bytes);
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  for (;;) {
    const digit = DIGITS.findIndex((code) => bits.startsWith(code));
    if (digit === -1) return digits;
    digits += String(digit);
    bits = bits.slice(DIGITS[digit]?.length ?? 0);
  }
}
