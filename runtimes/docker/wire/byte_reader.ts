/**
 * Reads an HTTP/1.1 answer from a connection: its head, then its body in one of three framings.
 *
 * Keeps what was read too far, so that a connection can be used again or taken over after an
 * upgrade. Does not decide what an answer means: see `engine.ts`.
 *
 * @module
 */

import { UnavailableError } from "../../../core/errors.ts";
import type { Connection } from "./connection.ts";

const PIECE_BYTES = 32 * 1024;
const HEAD_LIMIT_BYTES = 64 * 1024;
const NEWLINE = 10;

/** The first lines of an answer; header names in lower case. */
export interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** How a body ends. */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** Until the connection ends. */
  | { readonly kind: "close" };

/** A buffered reader over one connection. */
export class ByteReader {
  readonly #connection: Connection;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The next bytes, never empty; `undefined` at the end. The caller may keep them. */
  async next(limit = PIECE_BYTES): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const piece = new Uint8Array(PIECE_BYTES);
      const count = await this.#connection.read(piece);
      if (count === null || count === 0) return undefined;
      this.#rest = piece.subarray(0, count);
    }
    const taken = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Bytes up to and with the mark, which ends a line; `undefined` at the end of everything. */
  async through(mark: string): Promise<string | undefined> {
    let text = "";
    while (!text.endsWith(mark)) {
      const piece = await this.next();
      if (piece === undefined) {
        if (text === "") return undefined;
        throw new Deno.errors.UnexpectedEof("The engine closed the connection within a line");
      }
      const lineBytes = piece.indexOf(NEWLINE) + 1 || piece.length;
      text += latin1(piece.subarray(0, lineBytes));
      this.#unread(piece.subarray(lineBytes));
      if (text.length > HEAD_LIMIT_BYTES) {
        throw new UnavailableError("Cannot read the engine's answer: its head is too long");
      }
    }
    return text;
  }

  /** The head of the next answer that is not interim; `undefined` at the end. */
  async head(): Promise<Head | undefined> {
    for (;;) {
      const text = await this.through("\r\n\r\n");
      if (text === undefined) return undefined;
      const head = parseHead(text);
      if (head.status >= 200 || head.status === 101) return head;
    }
  }

  /** The body's pieces. */
  async *body(framing: BodyFraming): AsyncGenerator<Uint8Array, void, void> {
    switch (framing.kind) {
      case "none":
        return;
      case "length":
        return yield* this.#exactly(framing.bytes);
      case "close":
        for (let piece; (piece = await this.next()) !== undefined;) yield piece;
        return;
      case "chunked":
        return yield* this.#chunks();
    }
  }

  async *#exactly(bytes: number): AsyncGenerator<Uint8Array, void, void> {
    for (let left = bytes; left > 0;) {
      const piece = await this.next(left);
      if (piece === undefined) {
        throw new Deno.errors.UnexpectedEof("The engine closed the connection within an answer");
      }
      left -= piece.length;
      yield piece;
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const line = await this.through("\r\n");
      const size = Number.parseInt(line ?? "", 16);
      if (Number.isNaN(size)) {
        throw new Deno.errors.UnexpectedEof("The engine closed the connection within an answer");
      }
      if (size === 0) break;
      yield* this.#exactly(size);
      await this.through("\r\n");
    }
    for (let line; (line = await this.through("\r\n")) !== undefined && line !== "\r\n";);
  }

  /** Gives back what `next` returned last, so there is nothing behind it yet. */
  #unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#rest = bytes;
  }
}

/** How the body of an answer to this method ends (RFC 9112 6.3). */
export function bodyFraming(method: string, { status, headers }: Head): BodyFraming {
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "none" };
  if (headers.get("transfer-encoding")?.toLowerCase().includes("chunked")) {
    return { kind: "chunked" };
  }
  const length = headers.get("content-length");
  return length === undefined ? { kind: "close" } : { kind: "length", bytes: Number(length) };
}

function parseHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) {
    throw new UnavailableError("Cannot read answer: this is not an engine's API", {
      hint: "Check DOCKER_HOST",
    });
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(":");
    if (at > 0) headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim());
  }
  return { status: Number(status), headers };
}

/** One character per byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}
