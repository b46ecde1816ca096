/**
 * HTTP/2 for clients that speak it: the runtime's own server, and the HTTP/1.1 engine behind it.
 *
 * That server takes only connections of TCP that were accepted by the runtime. So a client's bytes
 * pass through a loopback port of the kernel's choice; what comes there from anybody else is closed
 * unheard: a connection is ours exactly when its port is that of one which we opened.
 *
 * @module
 */

import type {
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Server, Socket } from "node:net";
import { describeError } from "../../../core/errors.ts";
import type { Origin } from "../contract.ts";
import type { Http1Engine } from "../http1/engine.ts";
import type { Peer } from "../http1/peer.ts";
import { serveStream } from "./exchange.ts";
import { END_STREAM } from "./frames.ts";
import { passFrames } from "./pass_frames.ts";
import { SentBytes } from "./sent_bytes.ts";

/** A client's connection, seen from the frames that it sends. */
class Connection {
  readonly #streams = new Map<number, ServerHttp2Stream>();
  /** Codes of streams that are to be reset as soon as they are known. */
  readonly #refused = new Map<number, number>();

  readonly sent = new SentBytes();

  constructor(readonly origin: Origin) {}

  /** False when the stream was refused, and is reset now. */
  begin(stream: ServerHttp2Stream, id: number): boolean {
    const code = this.#refused.get(id);
    if (code !== undefined) {
      this.#refused.delete(id);
      stream.close(code);
      return false;
    }
    this.#streams.set(id, stream);
    this.sent.begin(id);
    stream.once("close", () => {
      this.#streams.delete(id);
      this.sent.end(id);
    });
    return true;
  }

  refuse(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#refused.set(id, code);
    else stream.close(code);
  }
}

interface Servers {
  readonly http: Http2Server;
  readonly tcp: Server;
  readonly port: number;
}

const HOST = "127.0.0.1";
/** RFC 9113 7. */
const INTERNAL_ERROR = 2;

/** Serves HTTP/2 connections; starts with the first. */
export class H2Front implements Disposable {
  readonly #engine: Http1Engine;
  readonly #log: (text: string) => void;
  /** By the port that they come from. */
  readonly #connections = new Map<number, Connection>();
  readonly #waiting = new Map<number, Socket>();
  /** How many requests each connection is in. */
  readonly #sessions = new Map<Http2Session, number>();
  #isDraining = false;
  #servers: Promise<Servers> | undefined;
  #opening = 0;

  /** `log` is told what went wrong and is nobody's fault but the router's. */
  constructor(engine: Http1Engine, { log }: { readonly log: (text: string) => void }) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Serves one connection, whose input begins with the preface, to its end; closes it. */
  async serve(peer: Peer, origin: Origin): Promise<void> {
    const servers = await (this.#servers ??= this.#start());
    this.#opening += 1;
    let outside: Deno.TcpConn;
    try {
      outside = await Deno.connect({ hostname: HOST, port: servers.port });
    } finally {
      this.#opening -= 1;
    }
    const { port } = outside.localAddr;
    const connection = new Connection(origin);
    this.#connections.set(port, connection);
    const socket = this.#waiting.get(port);
    this.#waiting.delete(port);
    if (socket !== undefined) servers.http.emit("connection", socket);
    this.#closeStrangers();
    try {
      await passFrames(peer, this.#engine.peer(outside), {
        refuse: (stream, code) => connection.refuse(stream, code),
        onData: (stream, length) => connection.sent.add(stream, length),
        prefaceMs: this.#engine.limits.headMs,
        lingerMs: this.#engine.limits.lingerMs,
      });
    } finally {
      this.#connections.delete(port);
    }
  }

  /** Ends connections after the requests that they are in. */
  drain(): void {
    this.#isDraining = true;
    for (const [session, count] of this.#sessions) if (count === 0) session.close();
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.keys()) session.destroy();
    this.#servers?.then(({ tcp }) => tcp.close(), () => {});
  }

  async #start(): Promise<Servers> {
    const [{ createServer: createHttp }, { createServer: createTcp }] = await Promise.all([
      import("node:http2"),
      import("node:net"),
    ]);
    const http = createHttp({
      // As many as the engine takes, and the four that become its first line and Host.
      maxHeaderListPairs: this.#engine.limits.headerLines + 4,
      settings: { enableConnectProtocol: false },
    });
    http.on("session", (session) => this.#watch(session));
    http.on("sessionError", () => {});
    const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number) => {
      // Resets by the client, and whatever else ends it: an error without a listener ends the process.
      stream.on("error", () => {});
      const connection = this.#connections.get(stream.session?.socket.remotePort ?? 0);
      // Reset already.
      if (connection === undefined || stream.session === undefined) return stream.destroy();
      this.#count(stream.session, stream);
      const { origin, sent } = connection;
      if (!connection.begin(stream, stream.id ?? 0)) return;
      const isEnded = (flags & END_STREAM) !== 0;
      serveStream(stream, { headers, isEnded, origin, sent, engine: this.#engine })
        .catch((error: unknown) => {
          this.#log(`Cannot serve a request of HTTP/2: ${describeError(error)}`);
          stream.close(INTERNAL_ERROR);
        });
    };
    http.on("stream", onStream);
    const tcp = createTcp((socket) => this.#accept(socket, http));
    const listening = Promise.withResolvers<void>();
    tcp.once("error", listening.reject);
    tcp.listen(0, HOST, listening.resolve);
    await listening.promise;
    const address = tcp.address();
    if (address === null || typeof address === "string") throw new TypeError("A port is TCP");
    return { http, tcp, port: address.port };
  }

  #accept(socket: Socket, http: Http2Server): void {
    socket.setNoDelay(true);
    // The other end is ours: it is told by the end of the connection.
    socket.on("error", () => {});
    const { remoteAddress, remotePort: port = 0 } = socket;
    // Other addresses of the loopback may have the same port.
    if (remoteAddress !== HOST) socket.destroy();
    else if (this.#connections.has(port)) http.emit("connection", socket);
    else if (this.#opening > 0) this.#waiting.set(port, socket);
    else socket.destroy();
  }

  #closeStrangers(): void {
    if (this.#opening > 0) return;
    for (const socket of this.#waiting.values()) socket.destroy();
    this.#waiting.clear();
  }

  #watch(session: ServerHttp2Session): void {
    this.#sessions.set(session, 0);
    session.on("close", () => this.#sessions.delete(session));
    session.setTimeout(this.#engine.limits.clientIdleMs, () => {
      if (this.#sessions.get(session) === 0) session.close();
    });
  }

  /** `close` resets the requests that are under way: it has to wait for their end. */
  #count(session: Http2Session, stream: ServerHttp2Stream): void {
    const add = (change: number) => {
      const before = this.#sessions.get(session);
      if (before !== undefined) this.#sessions.set(session, before + change);
      return (before ?? 0) + change;
    };
    add(1);
    stream.once("close", () => {
      if (add(-1) === 0 && this.#isDraining) session.close();
    });
  }
}
