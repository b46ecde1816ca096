/**
 * What the router says about a request itself: Forwarded (RFC 7239), X-Forwarded-*, Via.
 *
 * @module
 */

import { latin1Bytes } from "./characters.ts";
import type { Client } from "./client.ts";
import type { EngineParts } from "./engine_parts.ts";
import type { ParsedRequest } from "./request_head.ts";

/** Whole header lines; kept with the client, as its next request mostly names the same host. */
export function addedLines(
  client: Client,
  { host }: ParsedRequest,
  engine: EngineParts,
): Uint8Array {
  if (client.added?.host !== host) {
    client.added = { host, lines: latin1Bytes(linesFor(client, host, engine.pseudonym)) };
  }
  return client.added.lines;
}

function linesFor({ origin }: Client, host: string, pseudonym: string): string {
  const { address, scheme } = origin;
  const node = address.includes(":") ? `"[${address}]"` : address;
  return `Forwarded: for=${node};host="${host}";proto=${scheme}\r\n` +
    `X-Forwarded-For: ${address}\r\n` +
    `X-Forwarded-Host: ${host}\r\n` +
    `X-Forwarded-Proto: ${scheme}\r\n` +
    `Via: 1.1 ${pseudonym}\r\n`;
}
