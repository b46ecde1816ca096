/**
 * Moat's end of a relay: gives each frame to its connection, and ends them all when the relay does.
 *
 * Whoever is inside as root can make the relay say anything, so what it may not say ends it.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";
import { FrameSender } from "./frame_sender.ts";
import {
  FIRST_OWN,
  type Frame,
  FrameError,
  FrameReader,
  parseGrant,
  SAYS,
  type Says,
  WINDOW_BYTES,
} from "./frames.ts";
import { MAX_CONNECTIONS } from "./relay_program.ts";
import { brokenConnection, RelayedStream } from "./relayed_stream.ts";

/** Time for a relay to end by itself. */
const END_MS = 2_000;

/** What all connections together may have sent that nobody has read; more breaks the one it is on. */
const MAX_UNREAD_BYTES = 512 * WINDOW_BYTES;

/** The standard streams of a relay. */
export interface RelayTransport {
  /** The next bytes of its output; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Writes all of it to its input. */
  write(data: Uint8Array): Promise<void>;
  /** Ends its input. */
  closeWrite(): Promise<void>;
  /** Ends everything at once; a read that waits ends or rejects. Idempotent. */
  close(): void;
}

/** Options of {@linkcode RelayLink}. */
export interface RelayLinkOptions {
  /** Is given each connection from inside; absent: there may be none. */
  readonly serve?: (stream: RelayedStream) => void;
}

/** Where to connect to from inside. */
export interface InsideTarget {
  readonly port: number;
  /** Addresses to try in turn. */
  readonly hosts: readonly string[];
}

/** A connection that was asked for. */
interface Asked {
  resolve(stream: RelayedStream | undefined): void;
  reject(reason: unknown): void;
}

/** All connections of one relay. Disposing ends relay and connections. */
export class RelayLink implements AsyncDisposable {
  /** Resolves when the relay serves, or with why it does not; `undefined`: it ended without a word. */
  readonly ready: Promise<string | undefined>;
  /** Resolves when the relay has ended. */
  readonly ended: Promise<void>;
  readonly #transport: RelayTransport;
  readonly #options: RelayLinkOptions;
  readonly #sender: FrameSender;
  readonly #streams = new Map<number, RelayedStream>();
  /** Connections that were asked for, without an answer so far. */
  readonly #asked = new Map<number, Asked>();
  #last = FIRST_OWN;
  #unreadBytes = 0;
  #isOver = false;
  readonly #ready = Promise.withResolvers<string | undefined>();

  constructor(transport: RelayTransport, options: RelayLinkOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#sender = new FrameSender((data) => transport.write(data), {
      giveUp: () => this.close(),
    });
    this.ready = this.#ready.promise;
    this.ended = this.#run();
  }

  /** Connects inside; `undefined` when nothing listens there. @throws ConnectionReset at its end */
  connect(
    { port, hosts }: InsideTarget,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ByteStream | undefined> {
    const connection = ++this.#last;
    const asked = Promise.withResolvers<RelayedStream | undefined>();
    this.#asked.set(connection, asked);
    const give = (says: Says, text: string) =>
      this.#sender.send({ connection, says, data: new TextEncoder().encode(text) });
    give(SAYS.connect, [port, ...hosts].join(" "));
    const abort = () => {
      if (this.#asked.delete(connection)) give(SAYS.gone, "");
      asked.reject(signal?.reason);
    };
    if (this.#isOver) this.#refuseAsked();
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    return asked.promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Ends it at once, without waiting. */
  close(): void {
    this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, END_MS);
    // It ends with its input, and when it has, its port is free.
    const ending = this.#sender.flushed()
      .then(() => this.#transport.closeWrite())
      .then(() => this.ended);
    try {
      await Promise.race([ending.catch(() => {}), late.promise]);
    } finally {
      clearTimeout(timer);
      this.close();
    }
    await this.ended;
  }

  async #run(): Promise<void> {
    const frames = new FrameReader();
    try {
      for (let piece; (piece = await this.#next()) !== undefined;) {
        for (const frame of frames.push(piece)) this.#obey(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    } finally {
      this.close();
      this.#isOver = true;
      this.#refuseAsked();
      this.#ready.resolve(undefined);
      for (const stream of this.#streams.values()) stream.onGone();
      this.#streams.clear();
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      return await this.#transport.read();
    } catch {
      // However its streams broke, the relay has ended or hears of it.
      return undefined;
    }
  }

  #obey({ connection, says, data }: Frame): void {
    if (says === SAYS.ready) return this.#ready.resolve(new TextDecoder().decode(data));
    if (says === SAYS.open) return this.#open(connection);
    const asked = this.#asked.get(connection);
    if (asked !== undefined) {
      this.#asked.delete(connection);
      return asked.resolve(undefined);
    }
    // Both sides may let go at a time: then there is none.
    const stream = this.#streams.get(connection);
    if (stream === undefined) return;
    switch (says) {
      case SAYS.data:
        stream.onData(data);
        if (this.#unreadBytes > MAX_UNREAD_BYTES) stream.breakOff();
        return;
      case SAYS.grant:
        return stream.onGrant(parseGrant(data));
      case SAYS.end:
        return stream.onEnd();
      case SAYS.gone:
        this.#streams.delete(connection);
        return stream.onGone();
    }
  }

  #open(connection: number): void {
    const asked = this.#asked.get(connection);
    this.#asked.delete(connection);
    // Nobody waits for it any more, which the relay is about to hear.
    if (asked === undefined && connection > FIRST_OWN && connection <= this.#last) return;
    const take = asked?.resolve ?? this.#options.serve;
    if (
      take === undefined || this.#streams.has(connection) ||
      this.#streams.size >= MAX_CONNECTIONS
    ) {
      throw new FrameError("The relay opens what it may not");
    }
    const stream = new RelayedStream({
      send: (says, data) => this.#sender.send({ connection, says, data }),
      room: () => this.#sender.room(),
      hold: (bytes) => void (this.#unreadBytes += bytes),
      forget: () => void this.#streams.delete(connection),
    });
    this.#streams.set(connection, stream);
    take(stream);
  }

  #refuseAsked(): void {
    for (const { reject } of this.#asked.values()) reject(brokenConnection());
    this.#asked.clear();
  }
}
