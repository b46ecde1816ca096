/**
 * Frames of HTTP/2 as they pass (RFC 9113 4): where each begins, and the few of which the payload counts.
 *
 * @module
 */

/** Types of frames that somebody here looks at. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** Of DATA and HEADERS: the sender sends no more on this stream. */
export const END_STREAM = 1;
/** Of SETTINGS: the sender has understood the other side's. */
export const ACK = 1;

/** Codes of errors (RFC 9113 7). */
export const PROTOCOL_ERROR = 1;
export const FLOW_CONTROL_ERROR = 3;
export const STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6;
export const REFUSED_STREAM = 7;
export const ENHANCE_YOUR_CALM = 11;

const HEADER_BYTES = 9;
/** Larger than the runtime's server allows frames to be: it refuses those, whatever they say. */
const MAX_BYTES = 16_384;
/** Their payload says what they mean for a stream, and is short. */
const READ_WHOLE: ReadonlySet<number> = new Set([PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE]);

/** One frame; the payload is empty unless its type is one of those that are read whole. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly length: number;
  readonly payload: Uint8Array;
}

/** What becomes of a frame: `"pass"`, `"drop"`, or the code with which the connection ends. */
export type Verdict = "pass" | "drop" | number;

/** What may pass of some bytes. */
export interface Scanned {
  /** Everything before this may pass. */
  readonly passEnd: number;
  /** From here on nothing is decided; what lies before and may not pass is dropped. */
  readonly next: number;
  /** The frame at `next` ends the connection with this code. */
  readonly error: number | undefined;
}

/** Finds the frames of one direction; payloads are passed as they come. */
export class FrameScanner {
  readonly #check: (frame: Frame) => Verdict;
  /** Bytes of the present frame that are still to come, all to be passed. */
  #left: number;

  /** `prefix`: bytes before the first frame. */
  constructor(check: (frame: Frame) => Verdict, prefix = 0) {
    this.#check = check;
    this.#left = prefix;
  }

  /** Nothing of a frame has passed whose rest is still to come. */
  get isBetweenFrames(): boolean {
    return this.#left === 0;
  }

  /** Decides about `bytes[start, end)`, until one is dropped, is wrong, or is not there as a whole. */
  scan(bytes: Uint8Array, start: number, end: number): Scanned {
    let at = start;
    for (;;) {
      const passed = Math.min(this.#left, end - at);
      at += passed;
      this.#left -= passed;
      const frame = this.#left === 0 ? frameAt(bytes, at, end) : undefined;
      if (frame === undefined) return { passEnd: at, next: at, error: undefined };
      const verdict = this.#check(frame);
      const size = HEADER_BYTES + frame.length;
      if (verdict === "drop") return { passEnd: at, next: at + size, error: undefined };
      if (verdict !== "pass") return { passEnd: at, next: at, error: verdict };
      this.#left = size;
    }
  }
}

/** `undefined` when not all of it that counts is there yet. */
function frameAt(bytes: Uint8Array, at: number, end: number): Frame | undefined {
  if (end - at < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const length = view.getUint32(0) >>> 8;
  const type = view.getUint8(3);
  const isWhole = READ_WHOLE.has(type) && length <= MAX_BYTES;
  const payloadAt = at + HEADER_BYTES;
  const payloadEnd = isWhole ? payloadAt + length : payloadAt;
  if (payloadEnd > end) return undefined;
  return {
    type,
    flags: view.getUint8(4),
    stream: view.getUint32(5) & 0x7fff_ffff,
    length,
    payload: bytes.subarray(payloadAt, payloadEnd),
  };
}

/** A frame that says why the connection ends. */
export function goAway(lastStream: number, code: number): Uint8Array {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, lastStream);
  view.setUint32(4, code);
  return frameOf(GOAWAY, payload);
}

/** A frame that says one setting. */
export function setting(id: number, value: number): Uint8Array {
  const payload = new Uint8Array(6);
  const view = new DataView(payload.buffer);
  view.setUint16(0, id);
  view.setUint32(2, value);
  return frameOf(SETTINGS, payload);
}

/** Of no stream and without flags. */
function frameOf(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  bytes[2] = payload.length;
  bytes[3] = type;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
