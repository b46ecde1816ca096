/**
 * Ways to ports inside containers from within, for what listens on a container's loopback only, and
 * for engines whose networks this machine cannot reach.
 *
 * One relay for each container that somebody connected to in this way; it stays until the container
 * ends, or this process.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { raceAbort } from "../../core/race_abort.ts";
import type { ByteStream } from "../../core/plugin/runtime.ts";
import type { InsideTarget, RelayLink } from "../relay/relay_link.ts";
import type { Engine } from "./engine.ts";
import { execRelay } from "./exec_relay.ts";

/** Where to connect to from within. */
export interface DialTarget extends InsideTarget {
  readonly name: string;
  /** For messages, behind "Cannot". */
  readonly doing: string;
}

interface DialRelayOptions {
  readonly signal: AbortSignal | undefined;
}

/** The relays of one engine. */
export class DialRelays implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #relays = new Map<string, Promise<RelayLink>>();
  /** What was reached in this way, by container and port. */
  readonly #reached = new Map<string, DialTarget>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Connects; `undefined` when nothing listens. @throws MoatError when there is no perl */
  async dial(target: DialTarget, options: DialRelayOptions): Promise<ByteStream | undefined> {
    // One that has just ended is started again.
    const stream = await this.#connect(target, options) ?? await this.#connect(target, options);
    if (stream === undefined) throw new MoatError(`Cannot ${target.doing}: its relay has ended`);
    if (stream === "refused") return undefined;
    this.#reached.set(`${target.name} ${target.port}`, target);
    return stream;
  }

  /** Connects again where `dial` has led before; `undefined`: it is not known how to. */
  async dialAgain(
    name: string,
    port: number,
    options: DialRelayOptions,
  ): Promise<ByteStream | undefined> {
    const target = this.#reached.get(`${name} ${port}`);
    if (target === undefined) return undefined;
    const stream = await this.#connect(target, options);
    return stream === "refused" ? undefined : stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const relays = [...this.#relays.values()];
    this.#relays.clear();
    for (const result of await Promise.allSettled(relays)) {
      if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
    }
  }

  /** `undefined` when the relay ended, mostly with its container. */
  async #connect(
    target: DialTarget,
    { signal }: DialRelayOptions,
  ): Promise<ByteStream | "refused" | undefined> {
    const relay = this.#relay(target);
    const link = await raceAbort(relay, signal);
    try {
      return await link.connect(target, { signal }) ?? "refused";
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.#forget(target.name, relay);
      return undefined;
    }
  }

  /** Once, however many connections wait for it. */
  #relay({ name, doing }: DialTarget): Promise<RelayLink> {
    const known = this.#relays.get(name);
    if (known !== undefined) return known;
    const relay = execRelay(this.#engine, name, { doing });
    this.#relays.set(name, relay);
    relay.then(({ ended }) => ended).catch(() => {}).finally(() => this.#forget(name, relay));
    return relay;
  }

  #forget(name: string, relay: Promise<RelayLink>): void {
    if (this.#relays.get(name) !== relay) return;
    this.#relays.delete(name);
    for (const [key, target] of this.#reached) if (target.name === name) this.#reached.delete(key);
  }
}
