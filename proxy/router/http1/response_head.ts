/**
 * The head of an endpoint's response, as strictly read as a request's.
 *
 * @module
 */

import { latin1, SPACE } from "./characters.ts";
import { CHUNKED, type Framing, NO_BODY, readLengths, UNTIL_CLOSE } from "./framing.ts";
import { CONNECTION, KEEP_ALIVE } from "./header_names.ts";
import type { HeaderBlock } from "./header_block.ts";
import { Refusal } from "./refusal.ts";

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
  let connection = "";
  let keepAliveMs: number | undefined;
  for (const field of block.fields) {
    if (field.id === CONNECTION) connection += `${block.value(field).toLowerCase()},`;
    if (field.id === KEEP_ALIVE) {
      const seconds = /timeout=([0-9]{1,6})/i.exec(block.value(field))?.[1];
      if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
    }
  }
  const connectionNames = connection === ""
    ? []
    : connection.split(",").map((item) => item.trim()).filter((item) => item !== "");
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
    connectionNames,
    keepAlive: framing !== UNTIL_CLOSE && !connectionNames.includes("close") &&
      (version === "1.1" || connectionNames.includes("keep-alive")),
  };
}

function readStatusLine({ bytes, base, lineLength }: HeaderBlock): {
  readonly status: number;
  readonly version: "1.0" | "1.1";
} {
  const start = latin1(bytes, base, base + Math.min(lineLength, 12));
  const [, minor, code] = /^HTTP\/1\.([01]) ([1-9][0-9]{2})$/.exec(start) ?? [];
  if (code === undefined || (lineLength > 12 && bytes[base + 12] !== SPACE)) {
    throw new Refusal("an odd status line");
  }
  return { status: Number(code), version: minor === "1" ? "1.1" : "1.0" };
}
