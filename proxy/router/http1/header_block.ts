/**
 * A start line and header lines on bytes, checked while they are scanned and once only.
 *
 * Refuses at the first byte that is wrong: bare CR or LF, NUL and other controls, folded lines,
 * anything but a token before the colon. Keeps offsets, makes no strings. A head that comes in
 * pieces is continued where it stopped, so many small pieces cost no more than one large one.
 *
 * @module
 */

import { COLON, CR, isText, latin1, LF, SPACE, TAB, TEXT, TOKEN } from "./characters.ts";
import { HASH_SEED, hashByte, identify } from "./header_names.ts";
import type { Limits } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** Where a head starts: at a start line, or at header lines (trailers). */
export type HeadPart = "head" | "trailers";

/** One header line; offsets count from the head's first byte. */
export interface Field {
  readonly id: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  /** Without the white space around it. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Behind the line's CR LF. */
  readonly end: number;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** What a connection keeps for the next head: enough for most. */
const KEPT_BYTES = 4 * 1024;

/** Scans one head after another; `reset` before each. */
export class HeaderBlock {
  /** The bytes it was scanned in; right after `scan` has returned true. */
  bytes = NO_BYTES;
  /** Offset of the head's first byte in `bytes`. */
  base = 0;
  /** Length of the head including the empty line. */
  length = 0;
  /** Length of the start line without its CR LF. */
  lineLength = 0;
  readonly fields: Field[] = [];
  readonly #limits: Limits;
  /** Where `detach` copies to. */
  #own = NO_BYTES;
  #inStartLine = true;
  #inName = false;
  #at = 0;
  #lineStart = 0;
  #colon = 0;
  #hash = HASH_SEED;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  reset(part: HeadPart): void {
    if (this.#own.length > KEPT_BYTES) this.bytes = this.#own = NO_BYTES;
    this.fields.length = 0;
    this.length = 0;
    this.lineLength = 0;
    this.#inStartLine = part === "head";
    this.#inName = part === "trailers";
    this.#at = 0;
    this.#lineStart = 0;
    this.#hash = HASH_SEED;
  }

  /** Says whether anything of the present head has been seen. */
  get started(): boolean {
    return this.#at > 0;
  }

  /**
   * Continues in `bytes` from `start`, the head's first byte, to `end`; true when the head is complete.
   *
   * @throws Refusal
   */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start + this.#at;
    for (;;) {
      at = this.#inName ? this.#scanName(bytes, at, end) : scanText(bytes, at, end);
      if (at === end || (bytes[at] === CR && at + 1 === end)) {
        return this.#pause(at - start, end - start);
      }
      const byte = bytes[at] ?? 0;
      if (byte === CR) {
        if (bytes[at + 1] !== LF) throw new Refusal("a carriage return without a line feed");
        if (this.#inName) {
          if (at - start > this.#lineStart) throw new Refusal("a header line without a colon");
          return this.#finish(bytes, start, at + 2 - start);
        }
        this.#endLine(bytes, start, at - start);
        at += 2;
      } else if (this.#inName && byte === COLON) {
        if (at - start === this.#lineStart) throw new Refusal("a header line without a name");
        this.#colon = at - start;
        this.#inName = false;
        at += 1;
      } else {
        throw new Refusal(explain(byte, this.#inName, at - start === this.#lineStart));
      }
    }
  }

  /** Makes it independent of the buffer that it was scanned in. */
  detach(): void {
    const { bytes, base, length } = this;
    if (this.#own.length < length) this.#own = new Uint8Array(roundUp(length));
    const own = this.#own;
    // Heads are short: a call of `set` with a `subarray` costs more than this.
    for (let at = 0; at < length; at++) own[at] = bytes[base + at] ?? 0;
    this.bytes = own;
    this.base = 0;
  }

  /** The header's value as Latin-1; `likely` itself where it is the same. */
  value(field: Field, likely?: string): string {
    const start = this.base + field.valueStart;
    const end = this.base + field.valueEnd;
    if (likely !== undefined && isText(likely, this.bytes, start, end)) return likely;
    return latin1(this.bytes, start, end);
  }

  /** The first of that lower-case name. */
  find(name: string): Field | undefined {
    return this.fields.find(({ nameStart, nameEnd }) =>
      isName(name, this.bytes, this.base + nameStart, this.base + nameEnd)
    );
  }

  name(field: Field): string {
    return latin1(this.bytes, this.base + field.nameStart, this.base + field.nameEnd);
  }

  #scanName(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    let hash = this.#hash;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (TOKEN[byte] !== 1) break;
      hash = hashByte(hash, byte);
    }
    this.#hash = hash;
    return at;
  }

  #pause(at: number, available: number): false {
    if (available >= this.#limits.headBytes) throw tooLarge();
    this.#at = at;
    return false;
  }

  #endLine(bytes: Uint8Array, base: number, lineEnd: number): void {
    if (this.#inStartLine) {
      this.lineLength = lineEnd;
      this.#inStartLine = false;
    } else {
      let valueStart = this.#colon + 1;
      let valueEnd = lineEnd;
      while (valueStart < valueEnd && isBlank(bytes[base + valueStart])) valueStart++;
      while (valueEnd > valueStart && isBlank(bytes[base + valueEnd - 1])) valueEnd--;
      const nameStart = this.#lineStart;
      const nameEnd = this.#colon;
      const id = identify(this.#hash, bytes, base + nameStart, base + nameEnd);
      this.fields.push({ id, nameStart, nameEnd, valueStart, valueEnd, end: lineEnd + 2 });
      if (this.fields.length > this.#limits.headerLines) throw tooLarge();
    }
    this.#lineStart = lineEnd + 2;
    this.#hash = HASH_SEED;
    this.#inName = true;
  }

  #finish(bytes: Uint8Array, base: number, length: number): true {
    if (length > this.#limits.headBytes) throw tooLarge();
    this.bytes = bytes;
    this.base = base;
    this.length = length;
    return true;
  }
}

function scanText(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && TEXT[bytes[at] ?? 0] === 1) at++;
  return at;
}

/** The next power of two: heads of one connection differ little. */
function roundUp(length: number): number {
  return 2 ** Math.ceil(Math.log2(length));
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isName(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  return name.length === end - start && latin1(bytes, start, end).toLowerCase() === name;
}

function tooLarge(): Refusal {
  return new Refusal("the head is too large", 431);
}

function explain(byte: number, inName: boolean, atLineStart: boolean): string {
  if (byte === LF) return "a line feed without a carriage return";
  if (byte === 0) return "a NUL byte";
  if (!inName) return "a control character";
  if (byte === SPACE || byte === TAB) {
    return atLineStart ? "a folded header line" : "white space in a header name";
  }
  return "a character that header names cannot have";
}
