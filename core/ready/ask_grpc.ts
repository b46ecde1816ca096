/**
 * Calls one gRPC method with an empty message, in the few HTTP/2 frames (RFC 9113) that this takes.
 *
 * By hand, as the compiled runtime's `http2.connect` wants an address and not a stream. The
 * connection serves one call, so nothing that matters can be in HPACK's dynamic table.
 *
 * @module
 */

import { type Answer, type Conversation, quoteAnswer } from "./answer.ts";
import { writeAll } from "./byte_reader.ts";
import { encodeHeaders, grpcStatus } from "./grpc_headers.ts";

const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const STREAM = 1;
const LONGEST_FRAME = 16_384;
/** Not compressed, of length 0. */
const EMPTY_MESSAGE = new Uint8Array(5);

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** Status 0 is an answer. */
export async function askGrpc(
  conversation: Conversation,
  { method, port }: { readonly method: string; readonly port: number },
): Promise<Answer> {
  const { stream } = conversation;
  await writeAll(stream, new TextEncoder().encode(PREFACE));
  await writeFrame(conversation, { type: FRAME.settings, flags: 0, stream: 0 });
  await writeFrame(conversation, {
    type: FRAME.headers,
    flags: FLAG.endHeaders,
    stream: STREAM,
    payload: encodeHeaders({
      ":method": "POST",
      ":scheme": "http",
      ":path": method,
      ":authority": `localhost:${port}`,
      "content-type": "application/grpc",
      te: "trailers",
    }),
  });
  await writeFrame(conversation, {
    type: FRAME.data,
    flags: FLAG.endStream,
    stream: STREAM,
    payload: EMPTY_MESSAGE,
  });
  return await readAnswer(conversation, method);
}

async function readAnswer(conversation: Conversation, method: string): Promise<Answer> {
  let block: Uint8Array[] = [];
  let isLast = false;
  for (;;) {
    const frame = await readFrame(conversation);
    if (frame === undefined) {
      return { kind: "not yet", state: "what answers does not speak HTTP/2" };
    }
    const { type, flags, stream, payload } = frame;
    if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
      await writeFrame(conversation, { type: FRAME.settings, flags: FLAG.ack, stream: 0 });
    } else if (type === FRAME.ping && (flags & FLAG.ack) === 0) {
      await writeFrame(conversation, { type: FRAME.ping, flags: FLAG.ack, stream: 0, payload });
    } else if (type === FRAME.goAway) {
      return { kind: "not yet", state: "it ends its connections" };
    } else if (stream === STREAM && type === FRAME.resetStream) {
      return { kind: "not yet", state: `it breaks off the call of ${method}` };
    } else if (stream === STREAM && (type === FRAME.headers || type === FRAME.continuation)) {
      if (type === FRAME.headers) {
        block = [withoutPadding(frame)];
        isLast = (flags & FLAG.endStream) !== 0;
      } else {
        block.push(payload);
      }
      if (isLast && (flags & FLAG.endHeaders) !== 0) return judge(concat(block), method);
    } else if (stream === STREAM && type === FRAME.data && (flags & FLAG.endStream) !== 0) {
      return { kind: "not yet", state: `${method} gives no gRPC status` };
    }
  }
}

function judge(block: Uint8Array, method: string): Answer {
  const status = grpcStatus(block);
  if (status === "0") return { kind: "ready", stays: true };
  return {
    kind: "not yet",
    state: status === undefined
      ? `${method} gives no gRPC status`
      : `${method} gives the gRPC status ${quoteAnswer(status)}`,
  };
}

async function writeFrame(
  { stream: connection }: Conversation,
  { type, flags, stream, payload = new Uint8Array() }: Omit<Frame, "payload"> & {
    readonly payload?: Uint8Array;
  },
): Promise<void> {
  const frame = new Uint8Array(9 + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  frame.set(payload, 9);
  await writeAll(connection, frame);
}

/** The next frame, or `undefined` when it is none. */
async function readFrame({ reader }: Conversation): Promise<Frame | undefined> {
  const head = await reader.take(9);
  const view = new DataView(head.buffer, head.byteOffset);
  const length = view.getUint32(0) >>> 8;
  if (length > LONGEST_FRAME) return undefined;
  const [type, flags] = [view.getUint8(3), view.getUint8(4)];
  const stream = view.getUint32(5) & 0x7fffffff;
  return { type, flags, stream, payload: await reader.take(length) };
}

function withoutPadding({ flags, payload }: Frame): Uint8Array {
  const isPadded = (flags & FLAG.padded) !== 0;
  const padding = isPadded ? payload[0] ?? 0 : 0;
  const start = (isPadded ? 1 : 0) + ((flags & FLAG.priority) === 0 ? 0 : 5);
  return payload.subarray(start, payload.length - padding);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
