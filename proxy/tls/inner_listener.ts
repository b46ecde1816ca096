/**
 * TLS ended inside this process: a listener with one certificate, for connections of our own alone.
 *
 * The runtime ends TLS only on connections that its own listeners accepted, and with one certificate
 * per listener. So the front passes each client's bytes on to the listener that has its certificate.
 * It listens on a loopback port of the kernel's choice; what comes from anybody else is not
 * served: a connection is ours exactly when its port is that of one which we are opening.
 *
 * @module
 */

import { delay } from "../../core/delay.ts";
import type { Leaf } from "./authority.ts";

/** Both ends of one connection through the listener. */
export interface InnerConnection {
  /** Takes what the client sent, gives what it is to get. */
  readonly outside: Deno.TcpConn;
  /** What the client says inside TLS. The handshake is still to come. */
  readonly inside: Deno.TlsConn;
}

const HOST = "127.0.0.1";
/** A process without descriptors accepts nothing. */
const ACCEPT_MS = 10_000;
const RETRY_MS = 50;

/** One listener; `close` leaves connections that it has made alone. */
export class InnerListener {
  readonly #listener: Deno.TlsListener;
  readonly #awaited = new Map<number, (connection: Deno.TlsConn) => void>();
  /** Accepted before it was known whose they are. */
  readonly #early = new Map<number, Deno.TlsConn>();
  #opening = 0;
  #isClosed = false;

  constructor({ certificate, key }: Leaf, protocols: readonly string[]) {
    this.#listener = Deno.listenTls({
      hostname: HOST,
      port: 0,
      cert: certificate,
      key,
      alpnProtocols: [...protocols],
    });
    this.#accept();
  }

  /** Where it listens on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Makes a connection. @throws when the process cannot have one */
  async connect(): Promise<InnerConnection> {
    this.#opening += 1;
    try {
      const outside = await Deno.connect({ hostname: HOST, port: this.port });
      try {
        return { outside, inside: await this.#acceptedFrom(outside.localAddr.port) };
      } catch (error) {
        outside.close();
        throw error;
      }
    } finally {
      this.#opening -= 1;
      if (this.#opening === 0) this.#closeEarly();
    }
  }

  /** Listens no more. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#opening === 0) closeQuietly(this.#listener);
  }

  async #acceptedFrom(port: number): Promise<Deno.TlsConn> {
    const accepted = this.#early.get(port);
    this.#early.delete(port);
    if (accepted !== undefined) return accepted;
    const { promise, resolve, reject } = Promise.withResolvers<Deno.TlsConn>();
    const timer = setTimeout(() => {
      this.#awaited.delete(port);
      reject(new Deno.errors.TimedOut("The connection was not accepted"));
    }, ACCEPT_MS);
    this.#awaited.set(port, resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed || this.#opening > 0) {
      let connection: Deno.TlsConn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
        await delay(RETRY_MS);
        continue;
      }
      this.#assign(connection);
    }
  }

  #assign(connection: Deno.TlsConn): void {
    const { hostname, port } = connection.remoteAddr;
    // All of 127.0.0.0/8 is this machine: another address may come from the same port.
    if (hostname !== HOST) return connection.close();
    const resolve = this.#awaited.get(port);
    this.#awaited.delete(port);
    if (resolve !== undefined) resolve(connection);
    else if (this.#opening > 0) this.#early.set(port, connection);
    else connection.close();
  }

  #closeEarly(): void {
    for (const connection of this.#early.values()) connection.close();
    this.#early.clear();
    if (this.#isClosed) closeQuietly(this.#listener);
  }
}

function closeQuietly(listener: Deno.TlsListener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
