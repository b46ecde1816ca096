/**
 * Answers of the router's own, framed.
 *
 * @module
 */

import type { Answer } from "../contract.ts";
import type { LentBuffers } from "./buffers.ts";
import { Outlet } from "./outlet.ts";
import type { Peer } from "./peer.ts";
import type { ParsedRequest } from "./request_head.ts";

/** Options of {@linkcode writeAnswer}. */
export interface WriteAnswerOptions {
  /** Absent where the request's head could not be read. */
  readonly request: ParsedRequest | undefined;
  readonly keepAlive: boolean;
}

/** Writes a whole answer; false when the client is gone. */
export async function writeAnswer(
  client: Peer,
  buffers: LentBuffers,
  { status, headers, body }: Answer,
  { request, keepAlive }: WriteAnswerOptions,
): Promise<boolean> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const outlet = new Outlet(client, buffers);
  outlet.text(`HTTP/1.1 ${status} ${REASONS[status] ?? "Answer"}\r\n`);
  outlet.text(`Date: ${new Date().toUTCString()}\r\nContent-Length: ${bytes.length}\r\n`);
  for (const { name, value } of headers) {
    outlet.text(`${name}: ${value.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, " ")}\r\n`);
  }
  if (!keepAlive) outlet.text("Connection: close\r\n");
  else if (request?.version === "1.0") outlet.text("Connection: keep-alive\r\n");
  outlet.text("\r\n");
  if (request?.method !== "HEAD") outlet.add(bytes, 0, bytes.length);
  const isWritten = await outlet.flush();
  outlet.release();
  return isWritten;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};
