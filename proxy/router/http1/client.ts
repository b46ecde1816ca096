/**
 * One client's connection and what the engine keeps beside it.
 *
 * @module
 */

import type { ByteStream } from "../../../core/plugin/runtime.ts";
import type { Origin } from "../contract.ts";
import type { Buffers } from "./buffers.ts";
import { Peer } from "./peer.ts";

/** Options of {@linkcode Client}. */
export interface ClientOptions {
  readonly origin: Origin;
  /** See `Source`. */
  readonly large: Buffers;
  /** Bytes that have been read already. */
  readonly first: Uint8Array | undefined;
}

/** A client; the engine's clock ends it when its deadline has passed. */
export class Client extends Peer {
  readonly origin: Origin;
  /** In ms since the epoch; `Infinity` while a request is being served. */
  deadline = Infinity;
  /** The deadline passed while a head was incomplete. */
  isLate = false;
  /** It may be closed at once when the router drains. */
  isIdle = true;
  /** Lines that are added to its requests, for the host that the last one named. */
  added: { readonly host: string; readonly lines: Uint8Array } | undefined;

  constructor(stream: ByteStream, { origin, large, first }: ClientOptions) {
    super(stream, large, first);
    this.origin = origin;
  }
}
