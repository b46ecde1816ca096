/**
 * A way in for HTTP/2: connections for frames by hand, and the runtime's own client.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { RawConnection } from "../raw_http.ts";
import type { Http1Way } from "./http1_way.ts";
import type { Lane } from "./lane.ts";

/** How HTTP/2 gets to the router. */
export interface H2Way {
  readonly scheme: "http" | "https";
  /** A connection of which nothing has been sent. */
  connect(lane: Lane): Promise<RawConnection>;
  openSession(lane: Lane): H2Session;
  /** The same router in HTTP/1.1: to see what reached an endpoint. */
  readonly http1: Http1Way;
}

/** A response as it came. */
export interface H2Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** False: the stream was reset. */
  readonly isWhole: boolean;
}

/** Options of {@linkcode H2Session.ask}. */
export interface AskOptions {
  readonly body?: Iterable<Uint8Array>;
  readonly trailers?: OutgoingHttpHeaders;
  /** Called with the response's head. */
  onHead?(status: number): void;
}

/** A connection of the runtime's own client; disposing ends it. */
export class H2Session implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly #authority: string;

  constructor(url: string, { certificate, authority }: {
    readonly certificate: string;
    readonly authority: string;
  }) {
    this.#authority = authority;
    this.session = connect(url, { ca: certificate, servername: authority });
    // What its streams come to tells it.
    this.session.on("error", () => {});
  }

  /** Opens a stream to the lane's host. */
  request(headers: OutgoingHttpHeaders, options: { endStream: boolean }): ClientHttp2Stream {
    return this.session.request(
      { ":authority": this.#authority, ":path": "/", ...headers },
      options,
    );
  }

  /** One request and all that comes back. */
  async ask(
    headers: OutgoingHttpHeaders = {},
    { body, trailers: sent, onHead }: AskOptions = {},
  ): Promise<H2Answer> {
    const stream = this.session.request(
      { ":authority": this.#authority, ":path": "/", ...headers },
      { endStream: body === undefined, waitForTrailers: sent !== undefined },
    );
    if (sent !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(sent));
    const answer = readAnswer(stream, onHead);
    if (body !== undefined) {
      for (const piece of body) await write(stream, piece);
      stream.end();
    }
    return await answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.session.once("close", () => resolve()));
    if (this.session.closed) return;
    this.session.destroy();
    await closed;
  }
}

/** All that comes back on a stream; never rejects. */
export function readAnswer(
  stream: ClientHttp2Stream,
  onHead?: (status: number) => void,
): Promise<H2Answer> {
  const { promise, resolve } = Promise.withResolvers<H2Answer>();
  const chunks: Uint8Array[] = [];
  const interim: IncomingHttpHeaders[] = [];
  let fields: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let isWhole = false;
  stream.on("headers", (found: IncomingHttpHeaders) => interim.push(found));
  stream.on("response", (found: IncomingHttpHeaders) => {
    fields = found;
    onHead?.(Number(found[":status"]));
  });
  stream.on("trailers", (found: IncomingHttpHeaders) => trailers = found);
  stream.on("data", (data: Uint8Array) => chunks.push(data));
  stream.on("end", () => isWhole = true);
  stream.on("error", () => {});
  stream.on("close", () => {
    const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
    resolve({
      status: Number(fields[":status"] ?? 0),
      fields,
      interim,
      trailers,
      body: Buffer.concat(chunks),
      isWhole: isWhole && !isReset,
    });
  });
  return promise;
}

/** Waits until the connection takes more, or the stream is over. */
export async function write(stream: ClientHttp2Stream, piece: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.closed || stream.write(piece)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = () => resolve();
  stream.once("drain", settle);
  stream.once("close", settle);
  await promise;
  stream.off("drain", settle);
  stream.off("close", settle);
}
