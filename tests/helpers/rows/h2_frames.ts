/**
 * HTTP/2 by hand for tests: frames with any header fields, also those that no client would send.
 *
 * Fields go as plain literals, without tables or Huffman code. Of answers it reads statuses only.
 *
 * @module
 */

import type { Field, H2RequestCase } from "../../fixtures/http2/requests.ts";
import { joinBytes } from "../random_bodies.ts";
import { type RawConnection, toBytes } from "../raw_http.ts";

/** From RFC 9113 6. */
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, continuation: 9 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;
const MAX_FRAME_BYTES = 16_384;

/** What a stream, or the connection of it, came to. */
export type Outcome =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "reset"; readonly code: number }
  | { readonly kind: "gone" };

type Sent = Pick<
  H2RequestCase,
  "fields" | "data" | "trailers" | "block" | "padding" | "fragment"
>;

/** A request to send. */
export interface H2Request extends Sent {
  /** @default 1 */
  readonly stream?: number;
  /** There is more to come: nothing ends the stream. */
  readonly isOpen?: boolean;
}

/** What a client says first. */
export function prefaceBytes(): Uint8Array {
  return joinBytes([
    toBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(TYPE.settings, 0, 0, new Uint8Array(0)),
  ]);
}

/** The frames of a request. */
export function requestBytes(request: H2Request): Uint8Array {
  const { stream = 1, fields, data = [], trailers, block = "", padding, fragment } = request;
  const { isOpen = false } = request;
  const head = joinBytes([fieldBlock(fields), toBytes(block)]);
  const ends = data.length === 0 && trailers === undefined && !isOpen;
  const bytes = [headers(head, { stream, ends, padding, fragment })];
  for (const [index, text] of data.entries()) {
    const isLast = index === data.length - 1 && trailers === undefined && !isOpen;
    const flags = isLast ? FLAG.endStream : 0;
    bytes.push(padded({ type: TYPE.data, flags, stream, padding }, toBytes(text)));
  }
  if (trailers !== undefined) bytes.push(headers(fieldBlock(trailers), { stream, ends: true }));
  return joinBytes(bytes);
}

/** The client wants no more of a stream. */
export function cancelBytes(stream: number): Uint8Array {
  return frame(TYPE.reset, 0, stream, new Uint8Array([0, 0, 0, 8]));
}

/** Reads until the stream's request has been answered, or will not be. */
export async function readOutcome(connection: RawConnection, stream = 1): Promise<Outcome> {
  try {
    for (;;) {
      const head = await connection.readBytes(9);
      const view = new DataView(head.buffer);
      const payload = await connection.readBytes(view.getUint32(0) >>> 8);
      const [type, flags] = [head[3], head[4] ?? 0];
      if (type === TYPE.settings && (flags & FLAG.ack) === 0) {
        await connection.write(frame(TYPE.settings, FLAG.ack, 0, new Uint8Array(0)));
      }
      if (type === TYPE.goAway) return { kind: "gone" };
      if (view.getUint32(5) !== stream) continue;
      if (type === TYPE.reset) {
        return { kind: "reset", code: new DataView(payload.buffer).getUint32(0) };
      }
      const status = type === TYPE.headers ? statusOf(payload, flags) : 0;
      if (status >= 200) return { kind: "answered", status };
    }
  } catch (error) {
    // The end of the connection.
    if (!(error instanceof Error)) throw error;
    return { kind: "gone" };
  }
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly padding?: number | undefined;
}

function padded({ type, flags, stream, padding }: FrameHead, payload: Uint8Array): Uint8Array {
  if (padding === undefined) return frame(type, flags, stream, payload);
  const content = joinBytes([new Uint8Array([padding]), payload, new Uint8Array(padding)]);
  return frame(type, flags | FLAG.padded, stream, content);
}

function headers(
  block: Uint8Array,
  { stream, ends, padding, fragment = MAX_FRAME_BYTES - 256 }: {
    readonly stream: number;
    readonly ends: boolean;
    readonly padding?: number | undefined;
    readonly fragment?: number | undefined;
  },
): Uint8Array {
  const bytes: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < block.length; at += fragment) {
    const piece = block.subarray(at, at + fragment);
    const last = at + fragment >= block.length ? FLAG.endHeaders : 0;
    const flags = last | (ends ? FLAG.endStream : 0);
    bytes.push(
      at === 0
        ? padded({ type: TYPE.headers, flags, stream, padding }, piece)
        : frame(TYPE.continuation, last, stream, piece),
    );
  }
  return joinBytes(bytes);
}

/** Literals without indexing and with a new name (RFC 7541 6.2.2). */
function fieldBlock(fields: readonly Field[]): Uint8Array {
  return joinBytes(
    fields.flatMap(([name, value]) => [new Uint8Array([0]), literal(name), literal(value)]),
  );
}

function literal(text: string): Uint8Array {
  const length: number[] = [];
  if (text.length < 127) length.push(text.length);
  else {
    length.push(127);
    let rest = text.length - 127;
    for (; rest >= 128; rest >>= 7) length.push(rest & 127 | 128);
    length.push(rest);
  }
  return joinBytes([new Uint8Array(length), toBytes(text)]);
}

const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** The first field of a response: `:status`, by its index or as three digits (RFC 7541 A and B). */
function statusOf(payload: Uint8Array, flags: number): number {
  let at = ((flags & FLAG.padded) === 0 ? 0 : 1) + ((flags & FLAG.priority) === 0 ? 0 : 5);
  // Sizes of the dynamic table come first.
  while (((payload[at] ?? 0) & 0xe0) === 0x20) at += 1;
  const first = payload[at] ?? 0;
  const known = first & 0x80 ? STATIC_STATUSES[(first & 0x7f) - 8] : undefined;
  if (known !== undefined) return known;
  const length = payload[at + 1] ?? 0;
  const bytes = payload.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? String.fromCharCode(...bytes) : huffmanDigits(bytes));
}

/** Digits alone: 0 to 2 have five bits, the others six. */
function huffmanDigits(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  for (let at = 0; text.length < 3;) {
    const short = parseInt(bits.slice(at, at + 5), 2);
    const isShort = short < 3;
    text += isShort ? short : parseInt(bits.slice(at, at + 6), 2) - 0x16;
    at += isShort ? 5 : 6;
  }
  return text;
}
