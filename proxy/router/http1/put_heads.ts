/**
 * The heads that are sent on: what is hop-by-hop is left out (RFC 9110 7.6.1), what the router says
 * itself is set, all other lines keep their bytes and their order.
 *
 * @module
 */

import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDED,
  HOP_BY_HOP,
  isFolded,
  KEEP_ALIVE,
  OTHER,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from "./header_names.ts";
import type { HeaderBlock } from "./header_block.ts";
import type { Outlet } from "./outlet.ts";
import type { ParsedRequest } from "./request_head.ts";
import type { ParsedResponse } from "./response_head.ts";

/** Header lines that are never copied: removed, or written anew from what was understood. */
const REWRITTEN_IN_UPGRADES = idSet(
  CONNECTION,
  KEEP_ALIVE,
  HOP_BY_HOP,
  TRANSFER_ENCODING,
  CONTENT_LENGTH,
);
const REWRITTEN = REWRITTEN_IN_UPGRADES | idSet(UPGRADE);
const REWRITTEN_IN_REQUESTS = REWRITTEN | idSet(FORWARDED, TE);
const REWRITTEN_WITH_EXPECT = REWRITTEN_IN_REQUESTS | idSet(EXPECT);

/** Connection options that are not names of headers to remove. */
const OPTIONS: ReadonlySet<string> = new Set(["close", "keep-alive", "upgrade", "te"]);
const NO_NAMES: readonly string[] = [];

/** Puts the request's head; `added` are whole lines such as Forwarded and Via. */
export function putRequestHead(outlet: Outlet, request: ParsedRequest, added: Uint8Array): void {
  const { block, framing } = request;
  const plainLength = request.method.length + request.target.length + 2;
  if (plainLength + "HTTP/1.1".length === block.lineLength) {
    outlet.add(block.bytes, block.base, block.base + plainLength);
  } else {
    outlet.text(`${request.method} ${request.target} `);
  }
  outlet.text("HTTP/1.1\r\n");
  putFields(outlet, block, {
    without: request.expectsContinue ? REWRITTEN_IN_REQUESTS : REWRITTEN_WITH_EXPECT,
    named: namedIn(request.connectionNames),
  });
  if (request.host === "" && request.version === "1.0") outlet.text("Host:\r\n");
  if (framing.kind === "chunked") {
    outlet.text("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind === "length" && request.saysLength) {
    outlet.text(`Content-Length: ${framing.length}\r\n`);
  }
  if (request.upgrade !== undefined) {
    outlet.text(`Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`);
  } else if (request.acceptsTrailers) {
    outlet.text("Connection: TE\r\nTE: trailers\r\n");
  }
  outlet.add(added, 0, added.length);
  outlet.text("\r\n");
}

/** What the client is told about the connection. */
export type ClientConnection = "keep" | "keep-alive" | "close";

/** Options of {@linkcode putResponseHead}. */
export interface PutResponseOptions {
  /** The body follows as chunks; for HEAD, it would. */
  readonly asChunks: boolean;
  /** `keep` says nothing, as HTTP/1.1 does. */
  readonly connection: ClientConnection;
}

/** Puts the response's head as the client gets it. */
export function putResponseHead(
  outlet: Outlet,
  block: HeaderBlock,
  response: ParsedResponse,
  { asChunks, connection }: PutResponseOptions,
): void {
  const { status } = response;
  outlet.text("HTTP/1.1");
  outlet.add(block.bytes, block.base + "HTTP/1.1".length, block.base + block.lineLength);
  outlet.text(block.lineLength > "HTTP/1.1 200".length ? "\r\n" : " \r\n");
  const keepsUpgrade = status === 101 || status === 426;
  putFields(outlet, block, {
    without: keepsUpgrade ? REWRITTEN_IN_UPGRADES : REWRITTEN,
    named: namedIn(response.connectionNames),
  });
  if (asChunks) {
    outlet.text("Transfer-Encoding: chunked\r\n");
  } else if (response.contentLength !== undefined && status >= 200 && status !== 204) {
    outlet.text(`Content-Length: ${response.contentLength}\r\n`);
  }
  if (keepsUpgrade) {
    outlet.text(
      connection === "close" ? "Connection: Upgrade, close\r\n" : "Connection: Upgrade\r\n",
    );
  } else if (connection !== "keep") outlet.text(`Connection: ${connection}\r\n`);
  outlet.text("\r\n");
}

interface LeftOut {
  /** An `idSet`. */
  readonly without: number;
  /** Other headers, by name. */
  readonly named: readonly string[];
}

/** Copies the lines that stay, neighbours together. */
function putFields(
  outlet: Outlet,
  { bytes, base, fields, length }: HeaderBlock,
  { without, named }: LeftOut,
): void {
  let from = fields[0]?.nameStart ?? length - 2;
  for (const { id, nameStart, nameEnd, end } of fields) {
    const isLeftOut = (without & (1 << id)) !== 0 ||
      (id === OTHER && isNamed(named, bytes, base + nameStart, base + nameEnd));
    if (!isLeftOut) continue;
    outlet.add(bytes, base + from, base + nameStart);
    from = end;
  }
  outlet.add(bytes, base + from, base + length - 2);
}

/** Ids of headers as the bits of a number. */
function idSet(...ids: readonly number[]): number {
  return ids.reduce((bits, id) => bits | (1 << id), 0);
}

function namedIn(connectionNames: readonly string[]): readonly string[] {
  if (connectionNames.length === 0) return NO_NAMES;
  return connectionNames.filter((name) => !OPTIONS.has(name));
}

function isNamed(
  names: readonly string[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return names.length > 0 &&
    names.some((name) => isFolded(name.replaceAll("_", "-"), bytes, start, end));
}
