/**
 * The head of an endpoint's response, as strictly read as a request's.
 *
 * @module
 */

import { isText, SPACE, ZERO } from "./characters.ts";
import {
  CHUNKED,
  connectionNames,
  type Framing,
  NO_BODY,
  readLengths,
  UNTIL_CLOSE,
} from "./framing.ts";
import { KEEP_ALIVE } from "./header_names.ts";
import type { HeaderBlock } from "./header_block.ts";
import { Refusal } from "./refusal.ts";

/** How status lines begin. */
const STATUS_VERSIONS = ["HTTP/1.1 ", "HTTP/1.0 "] as const;
const STATUS_BYTES = "HTTP/1.1 200".length;

/** What a response's head says about what follows it. */
export interface ParsedResponse {
  readonly status: number;
  /** Of the body as it comes on this connection; none for HEAD, 1xx, 204 and 304. */
  readonly framing: Framing;
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  /** The connection may carry another request afterwards, as far as the head says. */
  readonly keepAlive: boolean;
  /** From `Keep-Alive: timeout=`. */
  readonly keepAliveMs: number | undefined;
  readonly connectionNames: readonly string[];
}

/** @throws Refusal */
export function parseResponse(block: HeaderBlock, requestMethod: string): ParsedResponse {
  const { status, version } = readStatusLine(block);
  const { contentLength, chunked } = readLengths(block, version);
  let keepAliveMs: number | undefined;
  for (const field of block.fields) {
    if (field.id === KEEP_ALIVE) {
      const seconds = /timeout=([0-9]{1,6})/i.exec(block.value(field))?.[1];
      if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
    }
  }
  const names = connectionNames(block);
  const hasNoBody = requestMethod === "HEAD" || status < 200 || status === 204 || status === 304;
  const framing: Framing = hasNoBody || contentLength === 0
    ? NO_BODY
    : chunked
    ? CHUNKED
    : contentLength !== undefined
    ? { kind: "length", length: contentLength }
    : UNTIL_CLOSE;
  return {
    status,
    framing,
    contentLength,
    chunked,
    keepAliveMs,
    connectionNames: names,
    keepAlive: framing !== UNTIL_CLOSE && !names.includes("close") &&
      (version === "1.1" || names.includes("keep-alive")),
  };
}

function readStatusLine({ bytes, base, lineLength }: HeaderBlock): {
  readonly status: number;
  readonly version: "1.0" | "1.1";
} {
  const code = base + STATUS_VERSIONS[0].length;
  const version = STATUS_VERSIONS.find((version) => isText(version, bytes, base, code));
  const status = digit(bytes[code]) * 100 + digit(bytes[code + 1]) * 10 + digit(bytes[code + 2]);
  const isEnded = lineLength === STATUS_BYTES || bytes[base + STATUS_BYTES] === SPACE;
  // What is no digit made it NaN, which is not larger than anything either.
  if (version === undefined || lineLength < STATUS_BYTES || !(status >= 100) || !isEnded) {
    throw new Refusal("an odd status line");
  }
  return { status, version: version === STATUS_VERSIONS[0] ? "1.1" : "1.0" };
}

function digit(byte: number | undefined): number {
  const value = (byte ?? 0) - ZERO;
  return value >= 0 && value <= 9 ? value : NaN;
}
