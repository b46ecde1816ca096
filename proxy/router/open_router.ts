/**
 * The router: a port, the routes of this moment, and the connections of clients.
 *
 * Owns listening and ending; what a connection says is the engine's (`http1/`), where it leads is
 * decided by `decide.ts`. The same port serves TLS: what is inside is served like the rest.
 *
 * @module
 */

import { delay } from "../../core/delay.ts";
import { describeError } from "../../core/errors.ts";
import type { ByteStream } from "../../core/plugin/runtime.ts";
import type {
  KeptPort,
  OpenRouterOptions,
  Route,
  Router,
  TakenPort,
} from "../../core/plugin/router.ts";
import { TlsFront } from "../tls/serve_tls.ts";
import type { Origin } from "./contract.ts";
import { decideBy } from "./decide.ts";
import { H2Front } from "./h2/serve_h2.ts";
import { Http1Engine } from "./http1/engine.ts";
import type { OtherProtocols } from "./http1/sniff.ts";
import { listen, type OpenPort } from "./listen.ts";
import { explainProblem } from "./own_answers.ts";
import { RouteTable } from "./route_table.ts";

/** Between tries to accept when the process has no descriptor left. */
const RETRY_MS = 50;

/** What is spoken inside TLS. */
const PROTOCOLS = ["h2", "http/1.1"];

/** Opens a router on the first of the ports that can be had. @throws MoatError when there is none */
export async function openRouter(options: OpenRouterOptions): Promise<Router> {
  const { kept, ports } = options;
  const opened = kept === undefined
    ? await listen(ports)
    : { port: kept.port, listeners: [], taken: undefined };
  return new ListeningRouter(opened, options);
}

class ListeningRouter implements Router {
  readonly port: number;
  readonly taken: TakenPort | undefined;
  readonly #table = new RouteTable();
  readonly #engine = new Http1Engine({
    decide: decideBy(this.#table),
    explain: (problem, head) => explainProblem(problem, { head, table: this.#table }),
  });
  readonly #listeners: readonly Deno.Listener[];
  readonly #kept: KeptPort | undefined;
  readonly #accepting: readonly Promise<void>[];
  readonly #connections = new Set<Promise<void>>();
  readonly #draining = new AbortController();
  readonly #log: (text: string) => void;
  readonly #h2: H2Front;
  readonly #tls: TlsFront | undefined;
  readonly #others: OtherProtocols;

  constructor(
    { port, taken, listeners }: OpenPort,
    { log, kept, authorityDirectory: directory }: OpenRouterOptions,
  ) {
    this.port = port;
    this.taken = taken;
    this.#log = log;
    this.#h2 = new H2Front(this.#engine, { log });
    const tls = this.#tls = directory === undefined ? undefined : new TlsFront({
      engine: this.#engine,
      directory,
      protocols: PROTOCOLS,
      serveInside: (inside, { origin, protocol }) =>
        protocol === "h2"
          ? this.#h2.serve(this.#engine.peer(inside), origin)
          : this.#engine.serve(inside, { origin }),
      log,
    });
    this.#others = {
      tls: tls && ((client) => tls.serve(client)),
      h2: (client) => this.#h2.serve(client, client.origin),
    };
    this.#listeners = listeners;
    this.#kept = kept;
    this.#accepting = [
      ...listeners.map((listener) => this.#accept(listener)),
      ...(kept === undefined ? [] : [this.#acceptKept(kept)]),
    ];
  }

  get pending(): number {
    return this.#connections.size;
  }

  set(route: Route): void {
    this.#drop(route.runId);
    const namesake = this.#table.find(route.runName);
    if (namesake !== undefined) this.#drop(namesake.id);
    this.#table.set(route);
  }

  serve(stream: ByteStream, { runId }: { readonly runId: string }): void {
    if (this.#table.get(runId) === undefined) return stream.close();
    const from = { run: runId };
    this.#serve(stream, {
      scheme: "http",
      address: "127.0.0.1",
      port: 0,
      localPort: this.port,
      from,
    });
  }

  delete(runId: string): void {
    this.#drop(runId);
  }

  async drain({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    this.#draining.abort();
    this.#engine.drain();
    this.#h2.drain();
    for (const listener of this.#listeners) close(listener);
    this.#kept?.close();
    await Promise.all(this.#accepting);
    const limit = new AbortController();
    await Promise.race([
      Promise.all(this.#connections),
      delay(timeoutMs, limit.signal).catch(() => {}),
    ]);
    limit.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ timeoutMs: 0 });
    this.#engine.close();
    this.#h2[Symbol.dispose]();
    await Promise.all(this.#connections);
    this.#tls?.[Symbol.dispose]();
  }

  /** Connections that are kept for the run's endpoints must not outlive its route. */
  #drop(runId: string): void {
    const run = this.#table.delete(runId);
    for (const { id } of run?.endpoints.values() ?? []) this.#engine.forget(id);
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    while (!this.#draining.signal.aborted) {
      try {
        const connection = await listener.accept();
        this.#serve(connection, this.#originOf(connection));
      } catch (error) {
        if (this.#draining.signal.aborted) return;
        if (!(error instanceof Error)) throw error;
        // A client that went away at once is no news; without descriptors others may end meanwhile.
        if (error instanceof Deno.errors.ConnectionReset) continue;
        if (error instanceof Deno.errors.NotConnected) continue;
        this.#log(`Cannot accept a connection: ${describeError(error)}`);
        await delay(RETRY_MS);
      }
    }
  }

  async #acceptKept(kept: KeptPort): Promise<void> {
    for (;;) {
      const client = await kept.accept();
      if (client === undefined) return;
      const { stream, address, port } = client;
      this.#serve(stream, { scheme: "http", address, port, localPort: this.port, from: "host" });
    }
  }

  #serve(connection: ByteStream, origin: Origin): void {
    const serving = this.#engine.serve(connection, {
      origin,
      others: this.#others,
    }).catch((error: unknown) => {
      this.#log(`Cannot serve a connection: ${describeError(error)}`);
    }).finally(() => this.#connections.delete(serving));
    this.#connections.add(serving);
  }

  #originOf({ remoteAddr }: Deno.Conn): Origin {
    const { hostname, port } = remoteAddr.transport === "tcp"
      ? remoteAddr
      : { hostname: "127.0.0.1", port: 0 };
    return { scheme: "http", address: hostname, port, localPort: this.port, from: "host" };
  }
}

function close(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
