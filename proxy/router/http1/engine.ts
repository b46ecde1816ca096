/**
 * The HTTP/1.1 engine: serves client connections, whatever carries them.
 *
 * It parses strictly, asks `decide` where each request goes, and forwards byte for byte. It listens
 * on nothing and knows no routes.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Decide, Explain, Origin } from "../contract.ts";
import { Buffers, type LentBuffers } from "./buffers.ts";
import { Client } from "./client.ts";
import type { EngineParts } from "./engine_parts.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { Peer } from "./peer.ts";
import { Pool } from "./pool.ts";
import { serveClient } from "./serve_client.ts";
import { type OtherProtocols, sniff } from "./sniff.ts";

/** Room for most heads and a short body. */
const SMALL_BYTES = 16 * 1024;
/** As many as there are likely to be requests at one moment: 4 MiB. */
const MAX_SMALL = 256;

/** What is read of a large body at once. */
const LARGE_BYTES = 256 * 1024;
const MAX_LARGE = 32;

/** Options of {@linkcode Http1Engine}. */
export interface Http1EngineOptions {
  readonly decide: Decide;
  readonly explain: Explain;
  /** @default LIMITS */
  readonly limits?: Partial<Limits>;
}

/** Options of {@linkcode Http1Engine.serve}. */
export interface ServeOptions {
  readonly origin: Origin;
  /** Bytes that have been read from the stream already. */
  readonly first?: Uint8Array;
  /** What a client may speak instead. @default only HTTP/1.1 */
  readonly others?: OtherProtocols;
}

/** Serves HTTP/1.1 on any number of byte streams. `close` or dispose it: it owns a timer. */
export class Http1Engine implements EngineParts, Disposable {
  readonly limits: Limits;
  readonly buffers: LentBuffers = {
    small: new Buffers(SMALL_BYTES, { maxKept: MAX_SMALL }),
    large: new Buffers(LARGE_BYTES, { maxKept: MAX_LARGE }),
  };
  readonly pool: Pool;
  readonly pseudonym = `moat-${crypto.randomUUID().slice(0, 13)}`;
  readonly decide: Decide;
  readonly explain: Explain;
  isDraining = false;
  readonly #clients = new Set<Client>();
  readonly #clock: ReturnType<typeof setInterval>;

  constructor({ decide, explain, limits = {} }: Http1EngineOptions) {
    this.limits = { ...LIMITS, ...limits };
    this.decide = decide;
    this.explain = explain;
    this.pool = new Pool(this.limits, this.buffers.large);
    const { headMs, endpointIdleMs } = this.limits;
    this.#clock = setInterval(() => this.#sweep(), Math.min(1000, headMs / 4, endpointIdleMs / 4));
  }

  /** Number of client connections that are open. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Serves one client connection to its end, closes the stream, never throws. */
  async serve(stream: ByteStream, { origin, first, others }: ServeOptions): Promise<void> {
    const client = new Client(stream, { origin, first, large: this.buffers.large });
    this.#clients.add(client);
    try {
      const words = others === undefined ? "http1" : await sniff(client, this);
      if (words === "gone") return;
      const other = words === "http1" ? undefined : others?.[words];
      if (other === undefined) return await serveClient(client, this);
      // When it is idle, and for how long, is for the other protocol to know.
      client.isIdle = false;
      client.deadline = Infinity;
      await other(client);
    } finally {
      client.close();
      this.#clients.delete(client);
    }
  }

  /** A connection beside the client's own, to be spliced with it. */
  peer(stream: ByteStream): Peer {
    return new Peer(stream, this.buffers.large);
  }

  /** Closes the unused connections to an endpoint that went away. */
  forget(endpointId: string): void {
    this.pool.forget(endpointId);
  }

  /** Ends unused connections now and the others after their present response. */
  drain(): void {
    this.isDraining = true;
    for (const client of this.#clients) if (client.isIdle) client.close();
  }

  /** Ends everything now. Idempotent. */
  close(): void {
    this.isDraining = true;
    clearInterval(this.#clock);
    for (const client of this.#clients) client.close();
    this.pool.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #sweep(): void {
    const now = Date.now();
    this.pool.sweep(now);
    for (const client of this.#clients) {
      if (client.deadline > now) continue;
      client.deadline = Infinity;
      client.isLate = !client.isIdle;
      if (client.isLate) client.source.abandon();
      else client.close();
    }
  }
}
