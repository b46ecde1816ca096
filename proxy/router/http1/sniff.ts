/**
 * Which protocol a client speaks, by its first bytes.
 *
 * @module
 */

import type { Client } from "./client.ts";
import type { EngineParts } from "./engine_parts.ts";

/** What is served beside HTTP/1.1 on the same port. Each serves the connection to its end. */
export interface OtherProtocols {
  /** TLS; the client's input begins with the ClientHello. */
  readonly tls: ((client: Client) => Promise<void>) | undefined;
  /** HTTP/2 by prior knowledge; the client's input begins with the preface. */
  readonly h2: ((client: Client) => Promise<void>) | undefined;
}

/** `gone`: the client said nothing, or the router drains. */
export type FirstWords = "http1" | "tls" | "h2" | "gone";

const TLS_HANDSHAKE = 0x16;
/** What a client of HTTP/2 says first; no method of HTTP/1.1 begins like this (RFC 9113 3.4). */
export const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Waits for as many bytes as it takes to tell; all stay in the client's input. */
export async function sniff(client: Client, engine: EngineParts): Promise<FirstWords> {
  const { source } = client;
  client.deadline = Date.now() + engine.limits.clientIdleMs;
  while (source.available < PREFACE.length) {
    if (source.available > 0) {
      if (source.bytes[source.start] === TLS_HANDSHAKE) return "tls";
      if (!startsLikePreface(client)) return "http1";
      if (client.isIdle) client.deadline = Date.now() + engine.limits.headMs;
      client.isIdle = false;
    }
    if (!await source.more()) return source.available > 0 ? "http1" : "gone";
  }
  if (source.bytes[source.start] === TLS_HANDSHAKE) return "tls";
  return startsLikePreface(client) ? "h2" : "http1";
}

function startsLikePreface({ source }: Client): boolean {
  const { bytes, start } = source;
  const length = Math.min(source.available, PREFACE.length);
  for (let at = 0; at < length; at++) if (bytes[start + at] !== PREFACE[at]) return false;
  return true;
}
