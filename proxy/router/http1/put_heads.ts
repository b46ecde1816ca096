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
const REWRITTEN: ReadonlySet<number> = new Set([
  CONNECTION,
  KEEP_ALIVE,
  HOP_BY_HOP,
  TRANSFER_ENCODING,
  CONTENT_LENGTH,
  UPGRADE,
]);

const REWRITTEN_IN_REQUESTS: ReadonlySet<number> = new Set([...REWRITTEN, FORWARDED, TE]);

/** Connection options that are not names of headers to remove. */
const OPTIONS: ReadonlySet<string> = new Set(["close", "keep-alive", "upgrade", "te"]);

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
  const named = request.connectionNames.filter((name) => !OPTIONS.has(name));
  putFields(
    outlet,
    block,
    (id, start, end) =>
      REWRITTEN_IN_REQUESTS.has(id) || (id === EXPECT && !request.expectsContinue) ||
      (id === OTHER && isNamed(named, block.bytes, start, end)),
  );
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
  const named = response.connectionNames.filter((name) => !OPTIONS.has(name));
  const keepsUpgrade = status === 101 || status === 426;
  putFields(
    outlet,
    block,
    (id, start, end) =>
      (REWRITTEN.has(id) && !(id === UPGRADE && keepsUpgrade)) ||
      (id === OTHER && isNamed(named, block.bytes, start, end)),
  );
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

/** Copies the lines that stay, neighbours together. Offsets given to `leaveOut` are absolute. */
function putFields(
  outlet: Outlet,
  { bytes, base, fields, length }: HeaderBlock,
  leaveOut: (id: number, nameStart: number, nameEnd: number) => boolean,
): void {
  let from = fields[0]?.nameStart ?? length - 2;
  for (const field of fields) {
    if (!leaveOut(field.id, base + field.nameStart, base + field.nameEnd)) continue;
    outlet.add(bytes, base + from, base + field.nameStart);
    from = field.end;
  }
  outlet.add(bytes, base + from, base + length - 2);
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
