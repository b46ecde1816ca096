/**
 * TLS on the router's own port: the hello decides which certificate answers, then bytes pass.
 *
 * @module
 */

import type { Origin } from "../router/contract.ts";
import type { Client } from "../router/http1/client.ts";
import type { Http1Engine } from "../router/http1/engine.ts";
import { splice } from "../router/http1/splice.ts";
import { CertifiedNames } from "./certified_names.ts";
import { type ClientHello, readClientHello } from "./client_hello.ts";
import type { InnerConnection } from "./inner_listener.ts";

/** Serves what a client says inside TLS, to its end. */
export type ServeInside = (
  inside: Deno.TlsConn,
  options: { readonly origin: Origin; readonly protocol: string | null },
) => Promise<void>;

/** Options of {@linkcode TlsFront}. */
export interface TlsFrontOptions {
  readonly engine: Http1Engine;
  /** Where the authority is kept. */
  readonly directory: string;
  /** Offered to clients, the most wanted first. */
  readonly protocols: readonly string[];
  readonly serveInside: ServeInside;
  log(text: string): void;
}

const INTERNAL_ERROR = 80;
const DECODE_ERROR = 50;
const UNRECOGNIZED_NAME = 112;

/** Serves TLS clients; dispose it after their connections were ended. */
export class TlsFront implements Disposable {
  readonly #options: TlsFrontOptions;
  readonly #names: CertifiedNames;

  constructor(options: TlsFrontOptions) {
    this.#options = options;
    this.#names = new CertifiedNames(options.directory, options.protocols);
  }

  [Symbol.dispose](): void {
    this.#names.close();
  }

  /** Serves one client, whose input begins with the hello, to its end. */
  async serve(client: Client): Promise<void> {
    const { engine, log } = this.#options;
    client.deadline = Date.now() + engine.limits.headMs;
    const hello = await readHello(client);
    if (hello === undefined) return;
    let connection: InnerConnection;
    try {
      const listener = await this.#names.listenerFor(hello.serverName);
      if (listener === undefined) return await sendAlert(client, UNRECOGNIZED_NAME);
      connection = await listener.connect();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log(`TLS for ${hello.serverName ?? "a client without a name"} failed: ${reason}`);
      return await sendAlert(client, INTERNAL_ERROR);
    }
    await this.#pass(client, connection);
  }

  async #pass(client: Client, { outside, inside }: InnerConnection): Promise<void> {
    const { engine } = this.#options;
    const peer = engine.peer(outside);
    const passing = splice(client, peer);
    const serving = this.#serveInside(client, inside);
    await Promise.race([passing, serving]);
    // Last words, such as why the handshake failed, may be on their way still.
    using lingering = new Timer(engine.limits.lingerMs);
    await Promise.race([passing, lingering.over]);
    client.close();
    peer.close();
    await Promise.all([passing, serving]);
  }

  async #serveInside(client: Client, inside: Deno.TlsConn): Promise<void> {
    let protocol: string | null;
    try {
      protocol = (await inside.handshake()).alpnProtocol;
    } catch {
      // A client that does not trust the certificate says so and goes.
      inside.close();
      return;
    }
    client.deadline = Infinity;
    const origin: Origin = { ...client.origin, scheme: "https" };
    await this.#options.serveInside(inside, { origin, protocol });
  }
}

/** A wait that can be given up. */
class Timer implements Disposable {
  readonly over: Promise<void>;
  readonly #id: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#id = setTimeout(resolve, ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#id);
  }
}

async function readHello(client: Client): Promise<ClientHello | undefined> {
  const { source } = client;
  for (;;) {
    const result = readClientHello(source.bytes.subarray(source.start, source.end));
    if (result.kind === "hello") return result.hello;
    if (result.kind === "malformed") {
      await sendAlert(client, DECODE_ERROR);
      return undefined;
    }
    if (!await source.more()) return undefined;
  }
}

/** A fatal alert in a record of its own (RFC 8446 6). */
async function sendAlert(client: Client, description: number): Promise<void> {
  await client.write(new Uint8Array([0x15, 3, 3, 0, 2, 2, description]));
  await client.closeWrite();
}
