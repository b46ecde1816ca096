/**
 * How long a body is: the one place that reads Content-Length and Transfer-Encoding (RFC 9112 6).
 *
 * Whatever two parties could read differently is refused, also where the RFC offers a repair.
 *
 * @module
 */

import { CONTENT_LENGTH, TRANSFER_ENCODING } from "./header_names.ts";
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

/** Both headers, as far as they are there and plain. */
export interface Lengths {
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
}

const NO_LENGTHS: Lengths = { contentLength: undefined, chunked: false };

/** @throws Refusal for anything but one plain Content-Length, or one `chunked`, or neither. */
export function readLengths(block: HeaderBlock, version: "1.0" | "1.1"): Lengths {
  let lengths = NO_LENGTHS;
  for (const field of block.fields) {
    if (field.id !== CONTENT_LENGTH && field.id !== TRANSFER_ENCODING) continue;
    requirePlainName(block, field);
    if (lengths !== NO_LENGTHS) throw new Refusal("more than one statement of the body's length");
    lengths = field.id === CONTENT_LENGTH
      ? { contentLength: parseLength(block.value(field)), chunked: false }
      : { contentLength: undefined, chunked: parseCoding(block.value(field), version) };
  }
  return lengths;
}

/** @throws Refusal when `_` stands for `-`, which some servers take for the same header. */
export function requirePlainName(block: HeaderBlock, field: Field): void {
  if (block.name(field).includes("_")) throw new Refusal("an underscore in a header that frames");
}

function parseLength(value: string): number {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(value)) throw new Refusal("an odd Content-Length");
  return Number(value);
}

function parseCoding(value: string, version: "1.0" | "1.1"): true {
  if (version === "1.0") throw new Refusal("Transfer-Encoding in HTTP/1.0");
  if (value.toLowerCase() !== "chunked") {
    throw new Refusal("a Transfer-Encoding other than chunked");
  }
  return true;
}
