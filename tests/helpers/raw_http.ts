/**
 * HTTP/1.1 by hand for tests: raw sockets, Latin-1 text for bytes, and an engine between two of them.
 *
 * Reads with rules of its own, so that it does not share mistakes with what it tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Decision, Endpoint, RequestHead } from "../../proxy/router/contract.ts";
import { Http1Engine } from "../../proxy/router/http1/engine.ts";
import type { Limits } from "../../proxy/router/http1/limits.ts";

/** Bytes of Latin-1 text. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Latin-1 text of bytes. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** A message as it came. */
export interface RawMessage {
  /** With its empty line. */
  readonly head: string;
  readonly body: Uint8Array;
  /** The trailer lines of a chunked body. */
  readonly trailers: string;
}

/** What a connection is read from and written to, such as `Deno.Conn`. */
export interface RawStream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** A connection that is read message by message. */
export class RawConnection<Stream extends RawStream = RawStream> implements Disposable {
  readonly connection: Stream;
  #unread: Uint8Array = new Uint8Array(0);
  #isClosed = false;

  constructor(connection: Stream) {
    this.connection = connection;
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? toBytes(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
  }

  /** More bytes, `undefined` at the end, which a reset is too. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#unread.length > 0) {
      const unread = this.#unread;
      this.#unread = new Uint8Array(0);
      return unread;
    }
    const buffer = new Uint8Array(65_536);
    try {
      const count = await this.connection.read(buffer);
      return count === null ? undefined : buffer.subarray(0, count);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return undefined;
      if (error instanceof Deno.errors.BadResource) return undefined;
      if (error instanceof Deno.errors.Interrupted) return undefined;
      // TLS without its own end.
      if (error instanceof Deno.errors.UnexpectedEof) return undefined;
      throw error;
    }
  }

  async readToEnd(): Promise<string> {
    let text = "";
    for (let more = await this.read(); more !== undefined; more = await this.read()) {
      text += toText(more);
    }
    return text;
  }

  /** A head with its empty line; `undefined` when the connection ends first. */
  async readHead(): Promise<string | undefined> {
    let text = "";
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      if (end !== -1) {
        this.#putBack(text.slice(end + 4));
        return text.slice(0, end + 4);
      }
      const more = await this.read();
      if (more === undefined) return undefined;
      text += toText(more);
    }
  }

  /** Exactly so many bytes. @throws when the connection ends first */
  async readBytes(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let have = 0; have < count;) {
      const more = await this.read();
      if (more === undefined) {
        throw new Error(`The connection ended after ${have} of ${count} bytes`);
      }
      const taken = more.subarray(0, count - have);
      bytes.set(taken, have);
      have += taken.length;
      if (taken.length < more.length) this.#unread = more.subarray(taken.length);
    }
    return bytes;
  }

  /** So many bytes as text. */
  async readText(count: number): Promise<string> {
    return toText(await this.readBytes(count));
  }

  async readLine(): Promise<string> {
    let line = "";
    while (!line.endsWith("\r\n")) line += toText(await this.readBytes(1));
    return line.slice(0, -2);
  }

  /**
   * A whole message; `undefined` when the connection ends before its head has.
   *
   * @throws when it ends later but too early
   */
  async readMessage({ hasBody = true, untilEnd = false } = {}): Promise<RawMessage | undefined> {
    const head = await this.readHead();
    return head === undefined ? undefined : await this.readRest(head, { hasBody, untilEnd });
  }

  /** The message whose head that is. @throws when the connection ends too early */
  async readRest(head: string, { hasBody = true, untilEnd = false } = {}): Promise<RawMessage> {
    if (!hasBody) return { head, body: new Uint8Array(0), trailers: "" };
    if (/^transfer-encoding: *chunked *\r$/im.test(head)) {
      return { head, ...await this.#readChunks() };
    }
    const length = /^content-length: *([0-9]+) *\r$/im.exec(head)?.[1];
    if (length === undefined && untilEnd) {
      return { head, body: toBytes(await this.readToEnd()), trailers: "" };
    }
    return { head, body: await this.readBytes(Number(length ?? 0)), trailers: "" };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #readChunks(): Promise<{ readonly body: Uint8Array; readonly trailers: string }> {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const line = await this.readLine();
      assert.match(line, /^[0-9a-f]+$/, "a plain chunk size");
      const size = parseInt(line, 16);
      if (size === 0) break;
      pieces.push(await this.readBytes(size));
      assert.equal(await this.readLine(), "");
    }
    let trailers = "";
    for (let line = await this.readLine(); line !== ""; line = await this.readLine()) {
      trailers += `${line}\r\n`;
    }
    return {
      body: new Uint8Array(await new Blob(pieces.map((piece) => piece.slice())).arrayBuffer()),
      trailers,
    };
  }

  #putBack(text: string): void {
    const rest = this.#unread;
    this.#unread = new Uint8Array(text.length + rest.length);
    this.#unread.set(toBytes(text));
    this.#unread.set(rest, text.length);
  }
}

/** Serves one connection of a test's endpoint. Returning closes it. */
export type Serve = (connection: RawConnection, index: number) => Promise<void>;

/** Options of {@linkcode startRig}. */
export interface RigOptions {
  readonly serve: Serve;
  readonly limits?: Partial<Limits>;
  /** @default every request is forwarded to the one endpoint */
  readonly decide?: (head: RequestHead, endpoint: Endpoint) => Decision;
}

/** An engine that listens on a port, and an endpoint behind it. */
export class Rig implements AsyncDisposable {
  readonly engine: Http1Engine;
  readonly #front: Deno.TcpListener;
  readonly #back: Deno.TcpListener;
  readonly #clients: RawConnection[] = [];
  readonly #served: RawConnection[] = [];
  readonly #work: Promise<unknown>[] = [];
  /** What endpoints' programs threw. */
  readonly failures: unknown[] = [];

  constructor({ serve, limits = {}, decide }: RigOptions) {
    this.#back = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#front = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = this.#back.addr;
    const endpoint: Endpoint = {
      id: "run_test/web",
      run: "test",
      name: "web",
      port,
      connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    };
    this.engine = new Http1Engine({
      limits,
      decide: (head) => decide?.(head, endpoint) ?? { kind: "forward", endpoint },
      explain: ({ kind, status, reason }) => ({ status, headers: [], body: `${kind}: ${reason}` }),
    });
    this.#work.push(this.#acceptClients(), this.#acceptEndpoint(serve));
  }

  get port(): number {
    return this.#front.addr.port;
  }

  /** Number of connections that the endpoint has had. */
  get connectionCount(): number {
    return this.#served.length;
  }

  async connect(): Promise<RawConnection> {
    const client = new RawConnection(
      await Deno.connect({ hostname: "127.0.0.1", port: this.port }),
    );
    this.#clients.push(client);
    return client;
  }

  /** The endpoint listens no more. */
  stopListening(): void {
    this.#back.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of [this.#front, this.#back]) {
      try {
        listener.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
    for (const connection of [...this.#clients, ...this.#served]) connection.close();
    this.engine.close();
    await Promise.all(this.#work);
  }

  async #acceptClients(): Promise<void> {
    for await (const connection of this.#front) {
      const { hostname, port } = connection.remoteAddr;
      this.#work.push(this.engine.serve(connection, {
        origin: { scheme: "http", address: hostname, port, localPort: this.port, from: "host" },
      }));
    }
  }

  async #acceptEndpoint(serve: Serve): Promise<void> {
    for await (const tcp of this.#back) {
      const connection = new RawConnection(tcp);
      const index = this.#served.push(connection) - 1;
      this.#work.push(
        serve(connection, index).catch((error) => this.failures.push(error)).finally(() => {
          connection.close();
        }),
      );
    }
  }
}
