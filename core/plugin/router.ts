/**
 * The router contract: what the daemon needs of the proxy that serves runs under host names.
 *
 * `main.ts` gives the daemon one; core knows no more of it than this.
 *
 * @module
 */

import type { ByteStream, CallOptions } from "./runtime.ts";

/** What a run may reach through the router besides its own endpoints. */
export interface Reach {
  /** The other run's name. */
  readonly run: string;
  /** One of its endpoints; absent: all. */
  readonly endpoint?: string;
}

/** The endpoints of one run, served under its name. */
export interface Route {
  readonly runId: string;
  /** A DNS label, as each endpoint's name is. */
  readonly runName: string;
  /** In the order in which they were written. */
  readonly endpoints: readonly { readonly name: string; readonly port: number }[];
  /** What programs inside the run may reach besides its own endpoints. */
  readonly reach?: readonly Reach[];
  /** One new connection to a port inside the run. @throws MoatError when nothing listens there */
  connect(port: number, options?: CallOptions): Promise<ByteStream>;
  /** Why nothing can listen yet, such as `it is starting`; `undefined` when something could. */
  whyNotReady?(): string | undefined;
}

/** A port that could not be had, and who has it where that can be told: `nginx (pid 12)`. */
export interface TakenPort {
  readonly port: number;
  readonly holder?: string;
}

/** A client of a kept port. */
export interface AcceptedClient {
  readonly stream: ByteStream;
  /** Where it comes from. */
  readonly address: string;
  readonly port: number;
}

/** A port that another process keeps open for the router, such as one below 1024. */
export interface KeptPort {
  readonly port: number;
  /** The process. */
  readonly pid: number;
  /** True once it is closed here, or its process has ended, and all clients that came were taken. */
  readonly hasEnded: boolean;
  /** The next client; `undefined` once it has ended. One call at a time. */
  accept(): Promise<AcceptedClient | undefined>;
  /**
   * Asks for no more clients: they wait for the next router. Those that come meanwhile are still to be
   * taken, by `accept`. Idempotent.
   */
  close(): void;
}

/** The router's certificate authority, as far as others need it: never its key. */
export interface RouterAuthority {
  /** Its certificate, as PEM. */
  readonly certificate: string;
  /** Where that certificate lies, for programs that take a file. */
  readonly file: string;
}

/** Opens the authority that is kept in a directory, or makes it. @throws MoatError */
export type OpenAuthority = (directory: string) => Promise<RouterAuthority>;

/** Options of {@linkcode OpenRouter}. */
export interface OpenRouterOptions {
  /** Where its certificate authority is kept; made on first use. None: no TLS. */
  readonly authorityDirectory?: string;
  /** Ports in the order in which they are tried; 0 is any free one. */
  readonly ports: readonly [number, ...number[]];
  /** Taken in place of `ports`; closed by the router. */
  readonly kept?: KeptPort;
  /** Told what went wrong and has no client to be told to. */
  log(text: string): void;
}

/** A router that listens, on 127.0.0.1 and, where the machine has it, on ::1. */
export interface Router extends AsyncDisposable {
  /** The real one. */
  readonly port: number;
  /** The first of `ports`, when another program has it. */
  readonly taken: TakenPort | undefined;
  /** Requests that are being answered. */
  readonly pending: number;
  /** Serves from when it returns, in place of other routes of the same run or name. */
  set(route: Route): void;
  /**
   * Serves a connection that was made inside a run, to its end: only what that run may reach. One of a
   * run without a route is closed.
   */
  serve(stream: ByteStream, from: { readonly runId: string }): void;
  /** Stops serving the run. Idempotent. */
  delete(runId: string): void;
  /** Listens no more; resolves when all requests are answered or the time is over. */
  drain(options: { readonly timeoutMs: number }): Promise<void>;
}

/** Opens a router. @throws MoatError when none of the ports can be had, naming the first's holder */
export type OpenRouter = (options: OpenRouterOptions) => Promise<Router>;
