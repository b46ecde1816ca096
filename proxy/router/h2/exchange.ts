/**
 * One HTTP/2 stream as one connection to the HTTP/1.1 engine: a request there, its response back.
 *
 * @module
 */

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Origin } from "../contract.ts";
import { latin1Bytes } from "../http1/characters.ts";
import { ChunkedDecoder } from "../http1/chunked.ts";
import type { Http1Engine } from "../http1/engine.ts";
import { HeaderBlock } from "../http1/header_block.ts";
import type { Peer } from "../http1/peer.ts";
import { Refusal } from "../http1/refusal.ts";
import { type ParsedResponse, parseResponse } from "../http1/response_head.ts";
import { type HeaderFields, readFields, usesUtf8, writeFields } from "./field_text.ts";
import { memoryPipe } from "./memory_pipe.ts";
import type { SentBytes } from "./sent_bytes.ts";
import { requestText, type TextFraming, trailerText } from "./request_text.ts";

/** Options of {@linkcode serveStream}. */
export interface ServeStreamOptions {
  readonly headers: IncomingHttpHeaders;
  /** The stream ended with its header fields. */
  readonly isEnded: boolean;
  readonly origin: Origin;
  /** Of the stream's connection; the stream is counted. */
  readonly sent: SentBytes;
  readonly engine: Http1Engine;
}

const END_OF_HEADERS = "\r\n";
const UTF8 = usesUtf8(Deno.version.deno);
/** From RFC 9113 7. */
const PROTOCOL_ERROR = 1;
/** What a stream may hold for a client that does not take it yet. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** Fields of a response that are about its connection in HTTP/1.1. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Serves one stream, whose errors are listened to, to its end; never throws. */
export async function serveStream(
  stream: ServerHttp2Stream,
  { headers, isEnded, origin, sent, engine }: ServeStreamOptions,
): Promise<void> {
  const head = requestText(readFields(headers, UTF8), { hasBody: !isEnded });
  if (head.kind === "malformed") return stream.close(PROTOCOL_ERROR);
  const [near, far] = memoryPipe();
  let isAnswered = false;
  // The engine keeps its connection to the endpoint when it sees a plain end.
  stream.on("close", () => isAnswered || near.close());
  const serving = engine.serve(far, { origin });
  sendRequest(stream, near, head);
  const peer = engine.peer(near);
  const response = new ResponseReader(peer, stream, {
    method: headers[":method"] ?? "GET",
    sent,
    engine,
  });
  try {
    isAnswered = await response.forward();
    if (!isAnswered) reset(stream);
  } catch (error) {
    // An answer that HTTP/2 cannot express, or one that comes after the stream was reset.
    if (!(error instanceof Error)) throw error;
    reset(stream);
  }
  if (isAnswered) {
    await peer.closeWrite();
    await serving;
  }
  peer.close();
  await serving;
}

/** Tells the client that there is no more; a plain `close` would first end the body as if complete. */
function reset(stream: ServerHttp2Stream): void {
  if (!stream.closed && !stream.destroyed) stream.destroy(new Error("The response broke off"));
}

/** Begins to send the request; what the engine does not take is read and forgotten. */
function sendRequest(
  stream: ServerHttp2Stream,
  near: ByteStream,
  { text, framing }: { readonly text: string; readonly framing: TextFraming },
): void {
  let sending = write(near, latin1Bytes(text));
  let trailers = `0\r\n${END_OF_HEADERS}`;
  stream.on("trailers", (fields: IncomingHttpHeaders) => {
    trailers = trailerText(readFields(fields, UTF8));
  });
  stream.on("data", (data: Uint8Array) => {
    stream.pause();
    const piece = framing === "chunked" ? chunk(data) : data;
    sending = sending.then(() => write(near, piece)).finally(() => stream.resume());
  });
  stream.on("end", () => {
    if (framing === "chunked") sending = sending.then(() => write(near, latin1Bytes(trailers)));
  });
}

/** What comes back from the engine. */
class ResponseReader {
  readonly #peer: Peer;
  readonly #stream: ServerHttp2Stream;
  readonly #method: string;
  readonly #sent: SentBytes;
  readonly #engine: Http1Engine;
  #written = 0;

  constructor(
    peer: Peer,
    stream: ServerHttp2Stream,
    { method, sent, engine }: {
      readonly method: string;
      readonly sent: SentBytes;
      readonly engine: Http1Engine;
    },
  ) {
    this.#peer = peer;
    this.#stream = stream;
    this.#method = method;
    this.#sent = sent;
    this.#engine = engine;
  }

  /** Forwards the response; false when it ended too early. @throws Refusal, errors of the stream */
  async forward(): Promise<boolean> {
    const block = new HeaderBlock(this.#engine.limits);
    for (;;) {
      if (!await this.#readBlock(block, "head")) return false;
      const response = parseResponse(block, this.#method);
      this.#peer.source.start += block.length;
      const headers = { ":status": response.status, ...fieldsOf(block) };
      if (response.status >= 200) return await this.#respond(response, headers);
      this.#stream.additionalHeaders(headers);
    }
  }

  async #respond(response: ParsedResponse, headers: OutgoingHttpHeaders): Promise<boolean> {
    const { framing } = response;
    const endStream = framing.kind === "length" && framing.length === 0;
    this.#stream.respond(headers, {
      endStream,
      waitForTrailers: framing.kind === "chunked",
    });
    if (endStream) return true;
    switch (framing.kind) {
      case "length":
        return await this.#forwardLength(framing.length);
      case "chunked":
        return await this.#forwardChunks();
      case "until-close":
        return await this.#forwardLength(Infinity);
    }
  }

  async #forwardLength(length: number): Promise<boolean> {
    const { source } = this.#peer;
    for (let left = length;;) {
      if (source.available === 0 && !await source.more()) {
        return length === Infinity && source.ended && this.#end();
      }
      const end = Math.min(source.end, source.start + left);
      left -= end - source.start;
      const piece = source.bytes.slice(source.start, end);
      source.start = end;
      await this.#send(piece, { isLast: left === 0 });
      if (left === 0) return this.#end();
    }
  }

  async #forwardChunks(): Promise<boolean> {
    const { source } = this.#peer;
    const decoder = new ChunkedDecoder();
    while (!decoder.isDone) {
      if (source.available === 0 && !await source.more()) return false;
      const { bytes, start, end } = source;
      const behind = decoder.decode(bytes, start, end);
      const payload = bytes.slice(start, decoder.payloadEnd);
      source.start = behind;
      if (payload.length > 0) await this.#send(payload, { isLast: decoder.isDone });
    }
    const block = new HeaderBlock(this.#engine.limits);
    if (!await this.#readBlock(block, "trailers")) return false;
    source.start += block.length;
    const trailers = fieldsOf(block);
    // None of them are an empty DATA frame; `close` would take what is not sent yet with it.
    this.#stream.on("wantTrailers", () => this.#stream.sendTrailers(trailers));
    return this.#end();
  }

  async #readBlock(block: HeaderBlock, part: "head" | "trailers"): Promise<boolean> {
    const { source } = this.#peer;
    block.reset(part);
    while (source.available === 0 || !block.scan(source.bytes, source.start, source.end)) {
      if (!await source.more()) return false;
    }
    return true;
  }

  /** Waits until the client takes more. */
  async #send(data: Uint8Array, { isLast }: { readonly isLast: boolean }): Promise<void> {
    if (this.#stream.destroyed) throw new Refusal("the client is gone");
    if (isLast) return await this.#sendLast(data);
    this.#stream.write(data);
    this.#written += data.length;
    await this.#sent.reach(this.#stream.id ?? 0, this.#written - MAX_UNSENT_BYTES);
  }

  /**
   * Waits until the runtime's server has taken it. A stream that ends before is destroyed in the middle
   * of that write, for which the runtime of Deno 2.7 makes an error with its stack: a third of what a
   * response costs.
   */
  async #sendLast(data: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = () => resolve();
    this.#stream.once("close", settle);
    this.#stream.write(data, settle);
    await promise;
    this.#stream.off("close", settle);
  }

  #end(): boolean {
    this.#stream.end();
    return true;
  }
}

/** By lower-case name; several of one name are a list. */
function fieldsOf(block: HeaderBlock): HeaderFields {
  // A field may have the name of anything that objects have.
  const fields = new Map<string, string | string[]>();
  for (const field of block.fields) {
    const name = block.name(field).toLowerCase();
    if (CONNECTION_FIELDS.has(name)) continue;
    const value = block.value(field);
    const before = fields.get(name);
    const joined = before === undefined
      ? value
      : name === "set-cookie"
      ? [before, value].flat()
      : `${before}, ${value}`;
    fields.set(name, joined);
  }
  return writeFields(Object.fromEntries(fields), UTF8);
}

function chunk(data: Uint8Array): Uint8Array {
  const head = latin1Bytes(`${data.length.toString(16)}\r\n`);
  const framed = new Uint8Array(head.length + data.length + 2);
  framed.set(head);
  framed.set(data, head.length);
  framed.set([13, 10], head.length + data.length);
  return framed;
}

/** Writes all of it, unless nobody reads any more. */
async function write(stream: ByteStream, data: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < data.length;) at += await stream.write(data.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
