/**
 * A port that a process of its own keeps open for this home's router, as the router cannot open it
 * itself: see `port_keeper.pl`, which says how it is talked to.
 *
 * @module
 */

import { join } from "node:path";
import { delay } from "../delay.ts";
import type { AcceptedClient, KeptPort } from "../plugin/router.ts";
import type { Paths } from "../store/paths.ts";
import { socketPath, type SocketPathOptions } from "./socket_path.ts";

/** Connections that wait for clients, so that a burst of clients is not taken on one by one. */
const WAITING = 16;
const RETRY_MS = 50;
/** A keeper that takes longer is none. */
const ANSWER_MS = 2000;
/** Of what the keeper says of a client. */
const CLIENT_BYTES = 64;

/** Where the keeper of a home's router listens. Pure. */
export function keeperPath(
  { store }: Pick<Paths, "store">,
  options: Pick<SocketPathOptions, "uid"> = {},
): string {
  return socketPath(join(store, "keeper.sock"), options);
}

/** The port that is kept for this home, if any. */
export async function findKeptPort(paths: Pick<Paths, "store">): Promise<KeptPort | undefined> {
  const path = keeperPath(paths);
  const state = await ask(path, "state");
  const [port, pid] = (state ?? "").split(" ").map(Number);
  return port && pid ? new KeptConnections(path, { port, pid }) : undefined;
}

/** Has the keeper end, and with it the port; nothing happens where there is none. */
export async function endKeptPort(paths: Pick<Paths, "store">): Promise<void> {
  await ask(keeperPath(paths), "end");
}

class KeptConnections implements KeptPort {
  readonly port: number;
  readonly pid: number;
  readonly #path: string;
  readonly #waiting = new Set<Deno.Conn>();
  readonly #ready: AcceptedClient[] = [];
  #count = 0;
  #changed = Promise.withResolvers<void>();
  /** No more connections are to wait. */
  #isClosing = false;

  constructor(path: string, { port, pid }: { readonly port: number; readonly pid: number }) {
    this.#path = path;
    this.port = port;
    this.pid = pid;
  }

  get hasEnded(): boolean {
    return this.#isClosing && this.#count === 0 && this.#ready.length === 0;
  }

  async accept(): Promise<AcceptedClient | undefined> {
    while (!this.hasEnded) {
      while (!this.#isClosing && this.#count < WAITING) this.#wait();
      const client = this.#ready.shift();
      if (client !== undefined) return client;
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    // The keeper closes its side then, which ends the read, unless a client came first.
    for (const connection of this.#waiting) connection.closeWrite().catch(ignoreClosed);
    this.#changed.resolve();
  }

  async #wait(): Promise<void> {
    this.#count += 1;
    try {
      const client = await this.#acceptOne();
      if (client === undefined) this.close();
      else this.#ready.push(client);
    } catch (error) {
      // A process without descriptors has some again when connections end.
      if (!(error instanceof Error)) throw error;
      await delay(RETRY_MS);
    } finally {
      this.#count -= 1;
      this.#changed.resolve();
    }
  }

  /** `undefined` when the keeper is gone. */
  async #acceptOne(): Promise<AcceptedClient | undefined> {
    const stream = await connectTo(this.#path);
    if (stream === undefined) return undefined;
    this.#waiting.add(stream);
    try {
      await stream.write(new TextEncoder().encode("accept\n"));
      const [address, port] = (await readExactly(stream, CLIENT_BYTES)).trim().split(" ");
      if (address !== undefined && port !== undefined) {
        return { stream, address, port: Number(port) };
      }
    } catch (error) {
      ignoreClosed(error);
    } finally {
      this.#waiting.delete(stream);
    }
    stream.close();
    return undefined;
  }
}

/** What the keeper answers; `undefined` where there is none. */
async function ask(path: string, word: "state" | "end"): Promise<string | undefined> {
  using connection = await connectTo(path);
  if (connection === undefined) return undefined;
  try {
    await connection.write(new TextEncoder().encode(`${word}\n`));
    const limit = new AbortController();
    const late = delay(ANSWER_MS, limit.signal).then(() => undefined, () => undefined);
    const answer = await Promise.race([readExactly(connection, CLIENT_BYTES), late]);
    limit.abort();
    return answer;
  } catch (error) {
    ignoreClosed(error);
    return undefined;
  }
}

async function connectTo(path: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.ConnectionRefused) return undefined;
    throw error;
  }
}

/** That many bytes as text, or those that come before the end. */
async function readExactly(connection: Deno.Conn, size: number): Promise<string> {
  const bytes = new Uint8Array(size);
  let count = 0;
  while (count < size) {
    const more = await connection.read(bytes.subarray(count));
    if (more === null) break;
    count += more;
  }
  return new TextDecoder().decode(bytes.subarray(0, count));
}

function ignoreClosed(error: unknown): void {
  const isClosed = error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected;
  if (!isClosed) throw error;
}
