/**
 * How long a body is: the one place that reads Content-Length and Transfer-Encoding (RFC 9112 6).
 *
 * Whatever two parties could read differently is refused, also where the RFC offers a repair.
 *
 * @module
 */

import { UNDERSCORE, ZERO } from "./characters.ts";
import { CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING } from "./header_names.ts";
import type { Field, HeaderBlock } from "./header_block.ts";
import { Refusal } from "./refusal.ts";

/** A body's end: after so many bytes (0: none), as chunks say, or when the connection ends. */
export type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

export const NO_BODY: Framing = { kind: "length", length: 0 };
export const CHUNKED: Framing = { kind: "chunked" };
export const UNTIL_CLOSE: Framing = { kind: "until-close" };

const NO_NAMES: readonly string[] = [];
const KEEP_ALIVE_ALONE: readonly string[] = ["keep-alive"];

/** The lower-case names in the Connection headers. */
export function connectionNames(block: HeaderBlock): readonly string[] {
  let names = NO_NAMES;
  for (const field of block.fields) {
    if (field.id !== CONNECTION) continue;
    const value = block.value(field, "keep-alive");
    const isUsual = value === "keep-alive" && names.length === 0;
    names = isUsual ? KEEP_ALIVE_ALONE : [...names, ...listItems(value)];
  }
  return names;
}

/** The items of a list, in lower case. */
export function listItems(text: string): readonly string[] {
  return text.toLowerCase().split(",").map((item) => item.trim()).filter((item) => item !== "");
}

/** Both headers, as far as they are there and plain. */
export interface Lengths {
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
}

/** The largest such number is below 2^53. */
const MAX_LENGTH_DIGITS = 15;

const NO_LENGTHS: Lengths = { contentLength: undefined, chunked: false };

/** @throws Refusal for anything but one plain Content-Length, or one `chunked`, or neither. */
export function readLengths(block: HeaderBlock, version: "1.0" | "1.1"): Lengths {
  let lengths = NO_LENGTHS;
  for (const field of block.fields) {
    if (field.id !== CONTENT_LENGTH && field.id !== TRANSFER_ENCODING) continue;
    requirePlainName(block, field);
    if (lengths !== NO_LENGTHS) throw new Refusal("more than one statement of the body's length");
    lengths = field.id === CONTENT_LENGTH
      ? { contentLength: readLength(block, field), chunked: false }
      : { contentLength: undefined, chunked: parseCoding(block.value(field), version) };
  }
  return lengths;
}

/** @throws Refusal when `_` stands for `-`, which some servers take for the same header. */
export function requirePlainName(block: HeaderBlock, field: Field): void {
  const { bytes, base } = block;
  for (let at = base + field.nameStart; at < base + field.nameEnd; at++) {
    if (bytes[at] === UNDERSCORE) throw new Refusal("an underscore in a header that frames");
  }
}

/** Digits only, and no zero before others. */
function readLength({ bytes, base }: HeaderBlock, { valueStart, valueEnd }: Field): number {
  const digits = valueEnd - valueStart;
  const hasLeadingZero = digits > 1 && bytes[base + valueStart] === ZERO;
  let isOdd = digits === 0 || digits > MAX_LENGTH_DIGITS || hasLeadingZero;
  let length = 0;
  for (let at = base + valueStart; at < base + valueEnd; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) isOdd = true;
    length = length * 10 + digit;
  }
  if (isOdd) throw new Refusal("an odd Content-Length");
  return length;
}

function parseCoding(value: string, version: "1.0" | "1.1"): true {
  if (version === "1.0") throw new Refusal("Transfer-Encoding in HTTP/1.0");
  if (value.toLowerCase() !== "chunked") {
    throw new Refusal("a Transfer-Encoding other than chunked");
  }
  return true;
}
