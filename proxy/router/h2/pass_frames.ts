/**
 * A client's connection and the one to the runtime's server, joined while the client keeps the rules.
 *
 * @module
 */

import type { Peer } from "../http1/peer.ts";
import { PREFACE } from "../http1/sniff.ts";
import { DATA, FrameScanner, goAway, setting } from "./frames.ts";
import { MAX_STREAMS, StreamRules } from "./stream_rules.ts";

/** SETTINGS_MAX_CONCURRENT_STREAMS, which the runtime's server neither announces nor enforces. */
const MAX_CONCURRENT_STREAMS = 3;

/** Options of {@linkcode passFrames}. */
export interface PassFramesOptions {
  /** Resets one stream, now or as soon as the server knows it. */
  refuse(stream: number, code: number): void;
  /** Is told of each DATA frame that goes to the client. */
  onData(stream: number, length: number): void;
  /** How long the client may take to begin. */
  readonly prefaceMs: number;
  /** How long a client may stay after the last words to it. */
  readonly lingerMs: number;
}

/** Copies both ways until both have ended, one breaks, or the client breaks a rule; closes both. */
export async function passFrames(
  client: Peer,
  server: Peer,
  { refuse, onData, prefaceMs, lingerMs }: PassFramesOptions,
): Promise<void> {
  try {
    if (!await begin(client, prefaceMs)) return;
    using limit = new Limit(client, lingerMs);
    await pass(client, server, { rules: new StreamRules(refuse), onData, limit });
  } finally {
    client.close();
    server.close();
  }
}

/** A peer that is closed when its time is over; not before the limit is set. */
class Limit implements Disposable {
  readonly #peer: Peer;
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(peer: Peer, ms: number) {
    this.#peer = peer;
    this.#ms = ms;
  }

  set(): void {
    this.#timer ??= setTimeout(() => this.#peer.close(), this.#ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** False when the client speaks something else, or nothing for too long. */
async function begin(client: Peer, prefaceMs: number): Promise<boolean> {
  using limit = new Limit(client, prefaceMs);
  limit.set();
  return await readPreface(client) &&
    await client.write(setting(MAX_CONCURRENT_STREAMS, MAX_STREAMS));
}

async function pass(
  client: Peer,
  server: Peer,
  { rules, onData, limit }: {
    readonly rules: StreamRules;
    readonly onData: PassFramesOptions["onData"];
    readonly limit: Limit;
  },
): Promise<void> {
  const broken = new AbortController();
  const outgoing = copy(server, client, {
    scanner: new FrameScanner((frame) => {
      if (frame.type === DATA) onData(frame.stream, frame.length);
      return rules.fromServer(frame);
    }),
    signal: broken.signal,
  });
  // Who is told nothing more has no reason to stay.
  const outgoingEnded = outgoing.finally(() => limit.set());
  const incoming = new FrameScanner(rules.fromClient, PREFACE.length);
  const error = await copy(client, server, { scanner: incoming });
  if (error !== undefined) {
    limit.set();
    broken.abort();
    server.source.interrupt();
  }
  await outgoingEnded;
  if (error === undefined) return;
  server.close();
  await sayLast(client, goAway(rules.lastStream, error));
}

/** False when something else comes, or not all of it. */
async function readPreface({ source }: Peer): Promise<boolean> {
  for (;;) {
    const length = Math.min(source.available, PREFACE.length);
    for (let at = 0; at < length; at++) {
      if (source.bytes[source.start + at] !== PREFACE[at]) return false;
    }
    if (length === PREFACE.length) return true;
    if (!await source.more()) return false;
  }
}

interface CopyOptions {
  readonly scanner: FrameScanner;
  /** Ends copying behind the present frame. */
  readonly signal?: AbortSignal;
}

/** Returns the code of the error that the other side is to be told, if any. */
async function copy(
  from: Peer,
  to: Peer,
  { scanner, signal }: CopyOptions,
): Promise<number | undefined> {
  const { source } = from;
  for (;;) {
    const { start, bytes } = source;
    const { passEnd, next, error } = scanner.scan(bytes, start, source.end);
    if (passEnd > start && !await to.write(bytes.subarray(start, passEnd))) break;
    source.start = next;
    if (error !== undefined) return error;
    if (signal?.aborted && scanner.isBetweenFrames) return undefined;
    if (next > passEnd) continue;
    if (!await source.more() && (source.ended || source.broken)) break;
  }
  if (source.ended && source.available === 0) await to.closeWrite();
  else {
    from.close();
    to.close();
  }
  return undefined;
}

/** Writes it and reads on, as closing with unread input would reset and take the words with it. */
async function sayLast(client: Peer, words: Uint8Array): Promise<void> {
  await client.write(words);
  await client.closeWrite();
  do client.source.start = client.source.end; while (await client.source.more());
}
