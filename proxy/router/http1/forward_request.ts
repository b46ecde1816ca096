/**
 * One request to its endpoint and the response back.
 *
 * Whichever side goes away takes the other with it. A request is sent a second time only when it is
 * safe, has no body, and a kept connection turned out to be closed before anything came back.
 *
 * @module
 */

import type { Endpoint, Problem } from "../contract.ts";
import { addedLines } from "./added_lines.ts";
import type { Client } from "./client.ts";
import type { EngineParts } from "./engine_parts.ts";
import { type BodyOutcome, forwardBody } from "./forward_body.ts";
import { NO_BODY } from "./framing.ts";
import type { HeaderBlock } from "./header_block.ts";
import { Outlet } from "./outlet.ts";
import type { Upstream } from "./pool.ts";
import { putRequestHead, putResponseHead } from "./put_heads.ts";
import { Refusal } from "./refusal.ts";
import type { ParsedRequest } from "./request_head.ts";
import { type ParsedResponse, parseResponse } from "./response_head.ts";
import { splice } from "./splice.ts";

/** What the client's connection is good for afterwards. */
export type ForwardResult =
  | { readonly kind: "next" }
  /** Everything was sent; nothing more will be read. */
  | { readonly kind: "end" }
  /** Something went away half-way: the client learns it by the connection's end. */
  | { readonly kind: "abort" }
  /** Nothing was sent yet: an answer of our own tells why. */
  | { readonly kind: "problem"; readonly problem: Problem };

/** Serves one request whose head has been taken from the client's input. */
export async function forwardRequest(
  client: Client,
  request: ParsedRequest,
  { endpoint, engine }: { readonly endpoint: Endpoint; readonly engine: EngineParts },
): Promise<ForwardResult> {
  request.block.detach();
  client.source.start += request.block.length;
  for (let attempt = 0;; attempt++) {
    let upstream = attempt === 0 ? engine.pool.take(endpoint.id) : undefined;
    if (upstream === undefined) {
      try {
        upstream = await engine.pool.connect(endpoint);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        const problem = { kind: "unreachable", status: 502, reason, endpoint, cause } as const;
        return { kind: "problem", problem };
      }
    }
    const result = await new Exchange({ client, request, endpoint, engine, upstream }).run();
    if (result !== "stale") return result;
  }
}

interface ExchangeOptions {
  readonly client: Client;
  readonly request: ParsedRequest;
  readonly endpoint: Endpoint;
  readonly engine: EngineParts;
  readonly upstream: Upstream;
}

/** One attempt. */
class Exchange {
  readonly #client: Client;
  readonly #request: ParsedRequest;
  readonly #endpoint: Endpoint;
  readonly #engine: EngineParts;
  readonly #upstream: Upstream;
  readonly #block: HeaderBlock;
  /** The request's body has been sent; with none, from the start. */
  #isUploaded: boolean;
  /** The upstream is back in the pool. */
  #isGivenBack = false;
  /** What was wrong with the request's body. */
  #refusal: Refusal | undefined;
  /** The client went away, or sent what is refused. */
  #isAborted = false;
  #sawContinue = false;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #halfClosedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor({ client, request, endpoint, engine, upstream }: ExchangeOptions) {
    this.#client = client;
    this.#request = request;
    this.#endpoint = endpoint;
    this.#engine = engine;
    this.#upstream = upstream;
    this.#block = upstream.block;
    this.#isUploaded = request.framing === NO_BODY;
  }

  /** `stale`: a kept connection was closed, and the request may be sent again. */
  async run(): Promise<ForwardResult | "stale"> {
    try {
      const outlet = this.#startRequest();
      if (this.#isUploaded) {
        await outlet.flush();
        outlet.release();
        this.#watchClient();
      } else {
        this.#sendBody(outlet);
      }
      return await this.#receive();
    } finally {
      if (!this.#isGivenBack) this.#upstream.close();
      // A body that nobody takes any more may be one that never comes.
      if (!this.#isUploaded) this.#client.source.interrupt();
      stop(this.#halfClosedTimer);
      stop(this.#stallTimer);
      this.#client.source.onGone = undefined;
    }
  }

  #startRequest(): Outlet {
    const outlet = new Outlet(this.#upstream, this.#engine.buffers);
    putRequestHead(outlet, this.#request, addedLines(this.#client, this.#request, this.#engine));
    return outlet;
  }

  async #sendBody(outlet: Outlet): Promise<void> {
    const { framing } = this.#request;
    const { source } = this.#client;
    if (framing.kind !== "length" || framing.length > source.available) this.#watchUpload();
    let outcome: BodyOutcome;
    try {
      outcome = await forwardBody(source, outlet, {
        framing,
        asChunks: framing.kind === "chunked",
        limits: this.#engine.limits,
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refusal = error;
      outcome = "source-gone";
    } finally {
      stop(this.#stallTimer);
      outlet.release();
    }
    if (outcome === "source-gone") return this.#abort();
    // An endpoint that takes no more may still have answered.
    if (outcome === "target-gone") return;
    this.#isUploaded = true;
    this.#watchClient();
  }

  /** Ends the exchange with a client that stops sending; one that waits for its endpoint may wait. */
  #watchUpload(): void {
    const { source } = this.#client;
    let seen = source.pieces;
    const check = () => {
      if (source.isReading && source.pieces === seen) {
        this.#refusal = new Refusal("the body stopped coming", 408);
        return this.#abort();
      }
      seen = source.pieces;
      this.#stallTimer = setTimeout(check, this.#engine.limits.bodyStallMs);
    };
    this.#stallTimer = setTimeout(check, this.#engine.limits.bodyStallMs);
  }

  /** From now on nobody reads from the client: its going away ends the exchange. */
  #watchClient(): void {
    const { source } = this.#client;
    source.onGone = () => this.#onClientGone();
    if (source.ended || source.broken) this.#onClientGone();
    else source.fill();
  }

  #onClientGone(): void {
    if (!this.#client.source.ended) return this.#abort();
    let seen = this.#upstream.source.pieces;
    const check = () => {
      if (this.#upstream.source.pieces === seen) return this.#abort();
      seen = this.#upstream.source.pieces;
      this.#halfClosedTimer = setTimeout(check, this.#engine.limits.halfClosedMs);
    };
    stop(this.#halfClosedTimer);
    this.#halfClosedTimer = setTimeout(check, this.#engine.limits.halfClosedMs);
  }

  #abort(): void {
    this.#isAborted = true;
    // Given back, it may serve somebody else already.
    if (!this.#isGivenBack) this.#upstream.close();
  }

  async #receive(): Promise<ForwardResult | "stale"> {
    const { source } = this.#upstream;
    this.#block.reset("head");
    for (;;) {
      let response: ParsedResponse | undefined;
      try {
        response = this.#readResponse();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return this.#badResponse(error.message);
      }
      if (response === undefined) {
        if (!await source.more()) return this.#onNoResponse();
        continue;
      }
      // From here on both sides may be silent for as long as they like.
      if (response.status >= 200 || response.status === 101) stop(this.#stallTimer);
      if (response.status === 101) return await this.#switchProtocols(response);
      if (response.status >= 200) return await this.#respond(response);
      if (!await this.#sendInterim(response)) return { kind: "abort" };
      this.#block.reset("head");
    }
  }

  /** The head, when all of it is there. @throws Refusal */
  #readResponse(): ParsedResponse | undefined {
    const { source } = this.#upstream;
    if (source.available === 0) return undefined;
    if (!this.#block.scan(source.bytes, source.start, source.end)) return undefined;
    source.start += this.#block.length;
    return parseResponse(this.#block, this.#request.method);
  }

  #onNoResponse(): ForwardResult | "stale" {
    if (this.#refusal !== undefined) {
      const { message: reason, status } = this.#refusal;
      return { kind: "problem", problem: { kind: "refused", status, reason } };
    }
    if (this.#isAborted || this.#client.isClosed) return { kind: "abort" };
    const isUntouched = this.#upstream.source.available === 0 && !this.#sawContinue;
    if (isUntouched && this.#upstream.isReused && this.#request.isSafe) return "stale";
    return this.#badResponse(
      isUntouched ? "it closed the connection without an answer" : "its answer ended in its head",
    );
  }

  #badResponse(reason: string): ForwardResult {
    const endpoint = this.#endpoint;
    return { kind: "problem", problem: { kind: "bad-response", status: 502, reason, endpoint } };
  }

  /** 100, 103 and the like; clients of HTTP/1.0 do not know them. */
  async #sendInterim(response: ParsedResponse): Promise<boolean> {
    this.#sawContinue = true;
    if (this.#request.version === "1.0") return true;
    return await this.#sendHead(response, { asChunks: false, connection: "keep" });
  }

  async #switchProtocols(response: ParsedResponse): Promise<ForwardResult> {
    if (this.#request.upgrade === undefined || !this.#isUploaded) {
      return this.#badResponse("it changed to a protocol that was not asked for");
    }
    this.#client.source.onGone = undefined;
    stop(this.#halfClosedTimer);
    if (!await this.#sendHead(response, { asChunks: false, connection: "keep" })) {
      return { kind: "abort" };
    }
    await splice(this.#client, this.#upstream);
    return { kind: "end" };
  }

  async #sendHead(
    response: ParsedResponse,
    options: Parameters<typeof putResponseHead>[3],
  ): Promise<boolean> {
    const outlet = new Outlet(this.#client, this.#engine.buffers);
    putResponseHead(outlet, this.#block, response, options);
    const isSent = await outlet.flush();
    outlet.release();
    return isSent;
  }

  async #respond(response: ParsedResponse): Promise<ForwardResult> {
    const request = this.#request;
    const { framing } = response;
    const isModern = request.version === "1.1";
    const hasUnknownLength = framing.kind !== "length";
    const asChunks = isModern &&
      (hasUnknownLength || (response.chunked && request.method === "HEAD"));
    const keepAlive = request.keepAlive && !this.#engine.isDraining &&
      (isModern || !hasUnknownLength) &&
      (this.#isUploaded ||
        (response.status < 400 && (this.#sawContinue || !request.expectsContinue)));
    const outlet = new Outlet(this.#client, this.#engine.buffers);
    const connection = !keepAlive ? "close" : isModern ? "keep" : "keep-alive";
    putResponseHead(outlet, this.#block, response, { asChunks, connection });
    let outcome: BodyOutcome;
    try {
      outcome = await forwardBody(this.#upstream.source, outlet, {
        framing,
        asChunks: asChunks && hasUnknownLength,
        limits: this.#engine.limits,
      });
    } catch (error) {
      // Once some of it is with the client, only the connection's end can tell it.
      if (!(error instanceof Refusal)) throw error;
      if (!outlet.hasWritten) return this.#badResponse(error.message);
      outcome = "source-gone";
    } finally {
      outlet.release();
    }
    if (outcome !== "done") return { kind: "abort" };
    if (!this.#isUploaded) return { kind: "end" };
    if (response.keepAlive) {
      this.#isGivenBack = true;
      this.#engine.pool.give(this.#endpoint.id, this.#upstream, { keepMs: response.keepAliveMs });
    }
    return { kind: keepAlive ? "next" : "end" };
  }
}

/** `clearTimeout` calls the runtime even with nothing to clear, and most requests start no timer. */
function stop(timer: ReturnType<typeof setTimeout> | undefined): void {
  if (timer !== undefined) clearTimeout(timer);
}
