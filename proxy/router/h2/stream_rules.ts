/**
 * Rules of RFC 9113 about what a client may send when, where the runtime's server lets too much pass.
 *
 * Everything else about frames is that server's to check. A client is judged by what it has said
 * itself: frames that were on their way when the server ended a stream are not its fault.
 *
 * @module
 */

import {
  ACK,
  CONTINUATION,
  DATA,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  type Frame,
  FRAME_SIZE_ERROR,
  HEADERS,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  type Verdict,
  WINDOW_UPDATE,
} from "./frames.ts";

/** Streams of one connection at a time (RFC 9113 6.5.2 advises no less than 100). */
export const MAX_STREAMS = 250;

/** RFC 9113 6.9.2. */
const INITIAL_WINDOW = 65_535;
const MAX_WINDOW = 2 ** 31 - 1;
const INITIAL_WINDOW_SIZE = 4;
const SETTING_BYTES = 6;
/** Of one head; the runtime's server takes no more either, but not every version of it says so. */
const MAX_CONTINUATIONS = 8;
/** Streams that the server reset: what the client sent before it knew comes soon or never. */
const MAX_RESET = 1000;
/** Numbers that were left out, as ranges; no client of good will leaves out any. */
const MAX_SKIPPED = 100;

interface Stream {
  /** What the server may still send. */
  window: number;
  /** The client sends no more. */
  isClientDone: boolean;
  isServerDone: boolean;
  /** It was reset here, so that the server is not to hear more of its window. */
  isRefused: boolean;
}

/**
 * One connection, whose client was told `MAX_STREAMS` by settings ahead of the server's. Frames of
 * both sides are shown to it in the order in which each sent them.
 */
export class StreamRules {
  /** The highest number that the client used. */
  lastStream = 0;
  /** Streams that are not over for both. */
  readonly #streams = new Map<number, Stream>();
  readonly #reset = new Set<number>();
  readonly #skipped: (readonly [number, number])[] = [];
  readonly #refuse: (stream: number, code: number) => void;
  #initialWindow = INITIAL_WINDOW;
  /** The client has answered the settings that came from here, of which the server knows nothing. */
  #isLimited = false;
  #continuations = 0;

  /** `refuse` resets one stream with a code, now or as soon as the server knows it. */
  constructor(refuse: (stream: number, code: number) => void) {
    this.#refuse = refuse;
  }

  /** What becomes of a frame of the client. */
  readonly fromClient = (frame: Frame): Verdict => {
    switch (frame.type) {
      case CONTINUATION:
        return ++this.#continuations > MAX_CONTINUATIONS ? ENHANCE_YOUR_CALM : "pass";
      case DATA:
      case HEADERS:
        this.#continuations = 0;
        return this.#content(frame);
      case PRIORITY:
        return priority(frame);
      case RST_STREAM:
        this.#endOf(frame.stream, "isClientDone");
        return "pass";
      case SETTINGS:
        return this.#settings(frame);
      case PING:
        if (frame.stream !== 0) return PROTOCOL_ERROR;
        return frame.length === 8 ? "pass" : FRAME_SIZE_ERROR;
      case WINDOW_UPDATE:
        return this.#windowUpdate(frame);
      default:
        return "pass";
    }
  };

  /** Takes note of a frame of the server. */
  readonly fromServer = ({ type, flags, stream: id, length }: Frame): Verdict => {
    const stream = this.#streams.get(id);
    if (stream === undefined) return "pass";
    if (type === DATA) stream.window -= length;
    if (type === RST_STREAM) this.#forgetReset(id);
    const isContent = type === DATA || type === HEADERS;
    if (isContent && (flags & END_STREAM) !== 0) this.#endOf(id, "isServerDone");
    return "pass";
  };

  #content({ type, flags, stream: id }: Frame): Verdict {
    if (type === HEADERS && id > this.lastStream) this.#begin(id);
    else if (id > 0 && id <= this.lastStream) {
      if (this.#streams.get(id)?.isClientDone ?? !this.#reset.has(id)) {
        return this.#wasSkipped(id) ? PROTOCOL_ERROR : STREAM_CLOSED;
      }
    }
    if ((flags & END_STREAM) !== 0) this.#endOf(id, "isClientDone");
    return "pass";
  }

  #begin(id: number): void {
    const next = this.lastStream === 0 ? 1 : this.lastStream + 2;
    if (id > next) {
      this.#skipped.push([next, id - 1]);
      if (this.#skipped.length > MAX_SKIPPED) this.#skipped.shift();
    }
    this.lastStream = id;
    // The server resets it unserved, and its end is noted like that of any other.
    if (this.#streams.size >= MAX_STREAMS) this.#refuse(id, REFUSED_STREAM);
    this.#streams.set(id, {
      window: this.#initialWindow,
      isClientDone: false,
      isServerDone: false,
      isRefused: false,
    });
  }

  #wasSkipped(id: number): boolean {
    return this.#skipped.some(([first, last]) => first <= id && id <= last);
  }

  #endOf(id: number, side: "isClientDone" | "isServerDone"): void {
    this.#reset.delete(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream[side] = true;
    if (stream.isClientDone && stream.isServerDone) this.#streams.delete(id);
  }

  #forgetReset(id: number): void {
    const isClientDone = this.#streams.get(id)?.isClientDone ?? true;
    this.#streams.delete(id);
    if (isClientDone) return;
    this.#reset.add(id);
    if (this.#reset.size <= MAX_RESET) return;
    for (const oldest of this.#reset) return void this.#reset.delete(oldest);
  }

  #settings({ payload, flags }: Frame): Verdict {
    if ((flags & ACK) !== 0) {
      const verdict = this.#isLimited ? "pass" : "drop";
      this.#isLimited = true;
      return verdict;
    }
    const view = viewOf(payload);
    for (let at = 0; at + SETTING_BYTES <= payload.length; at += SETTING_BYTES) {
      if (view.getUint16(at) !== INITIAL_WINDOW_SIZE) continue;
      const size = view.getUint32(at + 2);
      for (const stream of this.#streams.values()) stream.window += size - this.#initialWindow;
      this.#initialWindow = size;
    }
    return "pass";
  }

  /** The server ends the connection for a window that is too large, where it is to end the stream. */
  #windowUpdate({ stream: id, payload }: Frame): Verdict {
    const stream = this.#streams.get(id);
    if (stream === undefined || payload.length !== 4) return "pass";
    if (stream.isRefused) return "drop";
    stream.window += viewOf(payload).getUint32(0) & MAX_WINDOW;
    if (stream.window <= MAX_WINDOW) return "pass";
    stream.isRefused = true;
    this.#refuse(id, FLOW_CONTROL_ERROR);
    return "drop";
  }
}

/** On no stream, or on itself (RFC 7540 5.3.1). */
function priority({ stream, payload }: Frame): Verdict {
  if (stream === 0) return PROTOCOL_ERROR;
  if (payload.length !== 5) return "pass";
  const parent = viewOf(payload).getUint32(0) & 0x7fff_ffff;
  return parent === stream ? PROTOCOL_ERROR : "pass";
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
