/**
 * What the parts of the router agree on: requests as they came, where they may go, and answers.
 *
 * The engine (`http1/`) moves bytes and refuses what is not plain HTTP/1.1; who decides where a
 * request goes is given to it. Neither knows what carries the bytes: TCP, the inside of TLS, a relay.
 *
 * @module
 */

import type { ByteStream } from "../../core/plugin/runtime.ts";

/** Something that listens inside a run. */
export interface Endpoint {
  /** `<run id>/<endpoint>`: connections are kept and reused under this key. */
  readonly id: string;
  /** The run's name, for messages. */
  readonly run: string;
  /** The endpoint's name, for messages. */
  readonly name: string;
  readonly port: number;
  /**
   * One new connection. The caller closes it; a `close` that leaves a pending read waiting, such as
   * that of `Deno.Conn`, is enough. @throws when nothing listens or it cannot be reached.
   */
  connect(signal: AbortSignal): Promise<ByteStream>;
}

/** One header line as it came: nothing folded, merged or renamed. Obs-text is read as Latin-1. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** The head of a request that passed the strict parser. Valid until it has been answered. */
export interface RequestHead {
  readonly method: string;
  /** As on the request line: origin form, or `*` for OPTIONS. Absolute form has become origin form. */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  /** The one `Host` value as the client wrote it, port included; empty for HTTP/1.0 without one. */
  readonly host: string;
  /** All header lines in order. Made when first asked for. */
  readonly headers: readonly Header[];
  /** Value of the first header of that lower-case name. */
  header(name: string): string | undefined;
}

/** Who sent a request, as far as the router itself knows it. Never taken from headers. */
export interface Origin {
  readonly scheme: "http" | "https";
  /** The client's address, such as `127.0.0.1`; for a run, what it has inside. */
  readonly address: string;
  /** The client's port; 0 where there is none. */
  readonly port: number;
  /** The port it connected to: the router's own. */
  readonly localPort: number;
  /** The machine itself, or the run (its id) that called through its relay. */
  readonly from: "host" | { readonly run: string };
}

/** A whole answer of the router's own. Framing, Date and Connection are added by the engine. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Uint8Array | string;
}

/** Where a request goes. */
export type Decision =
  | { readonly kind: "forward"; readonly endpoint: Endpoint }
  | { readonly kind: "answer"; readonly answer: Answer };

/** Chooses; called once per request, in order. Synchronous where possible: it is on the fast path. */
export type Decide = (head: RequestHead, origin: Origin) => Decision | Promise<Decision>;

/** Why the engine itself has to answer. */
export type Problem =
  /** The client's bytes: 400, 405, 408, 417, 431, 505. `head` is not there. */
  | { readonly kind: "refused"; readonly status: number; readonly reason: string }
  /** No connection to the endpoint (502), with the error that `connect` threw. */
  | {
    readonly kind: "unreachable";
    readonly status: 502;
    readonly reason: string;
    readonly endpoint: Endpoint;
    readonly cause: unknown;
  }
  /** The endpoint closed or answered what is not HTTP before anything was sent back (502). */
  | {
    readonly kind: "bad-response";
    readonly status: 502;
    readonly reason: string;
    readonly endpoint: Endpoint;
  }
  /** `decide` threw (500). */
  | {
    readonly kind: "failed";
    readonly status: 500;
    readonly reason: string;
    readonly cause: unknown;
  }
  /** The request came through this very router before (508). */
  | { readonly kind: "loop"; readonly status: 508; readonly reason: string };

/** Renders a problem, by `Accept` where there is a head. */
export type Explain = (problem: Problem, head?: RequestHead) => Answer;
