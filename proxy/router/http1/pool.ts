/**
 * Connections to endpoints, kept for the next request.
 *
 * A kept connection is always being read, so that it leaves the pool the moment its endpoint closes
 * it, and one that sent what nobody asked for is not used again.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Endpoint } from "../contract.ts";
import type { Buffers } from "./buffers.ts";
import type { Limits } from "./limits.ts";
import { HeaderBlock } from "./header_block.ts";
import { Peer } from "./peer.ts";

/** Options of {@linkcode Upstream}. */
export interface UpstreamOptions {
  readonly limits: Limits;
  /** See `Source`. */
  readonly large: Buffers;
  /** It is in there until it is closed. */
  readonly open: Set<Upstream>;
}

/** A connection to an endpoint. */
export class Upstream extends Peer {
  /** For the heads of its responses. */
  readonly block: HeaderBlock;
  readonly #open: Set<Upstream>;
  /** It has carried a request before. */
  isReused = false;
  /** When it leaves the pool, in ms since the epoch. */
  expiresAt = 0;

  constructor(stream: ByteStream, { limits, large, open }: UpstreamOptions) {
    super(stream, large);
    this.block = new HeaderBlock(limits);
    this.#open = open;
    open.add(this);
  }

  override close(): void {
    this.#open.delete(this);
    super.close();
  }
}

/** Unused connections by endpoint, the most recently used first. */
export class Pool {
  readonly #limits: Limits;
  readonly #large: Buffers;
  readonly #idle = new Map<string, Upstream[]>();
  /** Used or not. */
  readonly #open = new Set<Upstream>();
  #isClosed = false;

  constructor(limits: Limits, large: Buffers) {
    this.#limits = limits;
    this.#large = large;
  }

  /** Number of unused connections, for status and tests. */
  get idleCount(): number {
    let count = 0;
    for (const kept of this.#idle.values()) count += kept.length;
    return count;
  }

  /** A kept connection, if there is one. Every one taken is given back or closed. */
  take(endpointId: string): Upstream | undefined {
    const kept = this.#idle.get(endpointId);
    for (let upstream = kept?.pop(); upstream !== undefined; upstream = kept?.pop()) {
      if (upstream.isClosed || upstream.source.available > 0) {
        // An answer to nothing: whatever it is, it is not the answer to the next request.
        upstream.close();
        continue;
      }
      upstream.source.onGone = undefined;
      upstream.isReused = true;
      return upstream;
    }
    return undefined;
  }

  /** A new connection. @throws what `connect` threw, or a time-out */
  async connect(endpoint: Endpoint): Promise<Upstream> {
    const { connectMs } = this.#limits;
    const controller = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Deno.errors.TimedOut(`no connection within ${connectMs} ms`);
      controller.abort(error);
      late.reject(error);
    }, connectMs);
    const connecting = endpoint.connect(controller.signal);
    try {
      const stream = await Promise.race([connecting, late.promise]);
      if (this.#isClosed) {
        stream.close();
        throw new Deno.errors.Interrupted("The router stops");
      }
      return new Upstream(stream, {
        limits: this.#limits,
        large: this.#large,
        open: this.#open,
      });
    } catch (error) {
      // One that does not mind the signal may still succeed, when nobody wants it any more.
      if (controller.signal.aborted) connecting.then((stream) => stream.close(), () => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Keeps the connection for the next request, unless it is no longer good or there are enough. */
  give(
    endpointId: string,
    upstream: Upstream,
    { keepMs }: { readonly keepMs?: number | undefined } = {},
  ): void {
    const { source } = upstream;
    let kept = this.#idle.get(endpointId);
    const isGood = !upstream.isClosed && !source.ended && !source.broken && source.available === 0;
    if (!isGood || this.#isClosed || (kept?.length ?? 0) >= this.#limits.idlePerEndpoint) {
      return upstream.close();
    }
    if (kept === undefined) this.#idle.set(endpointId, kept = []);
    // A second less than the endpoint says, so that it does not close while a request is on its way.
    const promised = keepMs === undefined ? Infinity : keepMs - 1000;
    upstream.expiresAt = Date.now() + Math.min(this.#limits.endpointIdleMs, promised);
    kept.push(upstream);
    source.shrink();
    source.onGone = () => this.#remove(endpointId, upstream);
    source.fill();
  }

  /** Closes the unused connections of an endpoint that went away. */
  forget(endpointId: string): void {
    const kept = this.#idle.get(endpointId) ?? [];
    this.#idle.delete(endpointId);
    for (const upstream of kept) upstream.close();
  }

  /** Closes what has been unused for too long. */
  sweep(now: number): void {
    for (const [endpointId, kept] of this.#idle) {
      const good = kept.filter((upstream) => upstream.expiresAt > now);
      if (good.length === kept.length) continue;
      if (good.length === 0) this.#idle.delete(endpointId);
      else this.#idle.set(endpointId, good);
      for (const upstream of kept) if (upstream.expiresAt <= now) upstream.close();
    }
  }

  /** Closes everything, used or not. */
  close(): void {
    this.#isClosed = true;
    this.#idle.clear();
    for (const upstream of this.#open) upstream.close();
  }

  #remove(endpointId: string, upstream: Upstream): void {
    const kept = this.#idle.get(endpointId);
    const index = kept?.indexOf(upstream) ?? -1;
    if (kept !== undefined && index !== -1) kept.splice(index, 1);
    if (kept?.length === 0) this.#idle.delete(endpointId);
    upstream.close();
  }
}
