/**
 * A small client of the Docker Engine API over one connection maker.
 *
 * Own code because the path of every run needs hijacked streams that also work in the compiled
 * program, and a start without heavy imports. Knows HTTP and how the engine words errors, nothing
 * about runs.
 *
 * @module
 */

import { MoatError, UnavailableError } from "../../core/errors.ts";
import { lowerVersion } from "./api_version.ts";
import { parseJson, textAt } from "./json.ts";
import { bodyFraming, ByteReader, type Head } from "./wire/byte_reader.ts";
import { type Connect, type Connection, isGone, writeAll } from "./wire/connection.ts";

/** The newest API version that this client was written for. */
const NEWEST_API = "1.51";
const DEADLINE_MS = 30_000;
/** Engines keep idle connections for long; a short life here avoids meeting one that was closed. */
const IDLE_MS = 5_000;
const MAX_IDLE = 4;

/** One call. */
export interface EngineRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Without version, such as `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON, or as a tar archive when bytes or pieces of bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** For messages, behind "Cannot": `start container "x"`. */
  readonly doing: string;
  /** Statuses of 400 and above that are an answer here, not an error. */
  readonly accept?: readonly number[];
  /** Until the head of the answer is there, and for `call` all of it. @default 30 seconds */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that was read whole. */
export interface EngineAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed JSON, or `undefined`. */
  readonly value: unknown;
}

/** A connection that was taken over: raw bytes both ways. */
export interface Hijacked {
  readonly reader: ByteReader;
  readonly connection: Connection;
  /** Of the answer, such as its content type. */
  readonly headers: ReadonlyMap<string, string>;
}

/** The engine refused: its own message is part of the text. */
export class EngineError extends MoatError {
  override readonly name = "EngineError";
  readonly status: number;
  /** What the engine said, alone. */
  readonly reason: string;

  constructor(doing: string, { status, reason }: { status: number; reason: string }) {
    super(`Cannot ${doing}: ${reason}`);
    this.status = status;
    this.reason = reason;
  }
}

interface Line {
  readonly connection: Connection;
  readonly reader: ByteReader;
  readonly usedBefore: boolean;
}

interface Exchange {
  readonly head: Head;
  readonly line: Line;
}

/** Talks to one engine. Keeps a few connections for reuse until disposed. */
export class Engine implements Disposable {
  readonly #connect: Connect;
  readonly #idle: { readonly line: Line; readonly since: number }[] = [];
  #api: Promise<string> | undefined;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** The API version that calls are made with: the lower of the engine's and ours. */
  apiVersion(): Promise<string> {
    this.#api ??= this.#exchange({ method: "GET", path: "/_ping", doing: "reach the engine" }, "")
      .then(async ({ head, line }) => {
        await this.#readAll("GET", head, line);
        return lowerVersion(head.headers.get("api-version") ?? NEWEST_API, NEWEST_API);
      })
      .catch((error) => {
        this.#api = undefined;
        throw error;
      });
    return this.#api;
  }

  /** Makes a call and reads its answer. @throws EngineError for statuses of 400 and above */
  async call(request: EngineRequest): Promise<EngineAnswer> {
    const prefix = `/v${await this.apiVersion()}`;
    return await this.#callAt(request, prefix);
  }

  /** Like `call`, without a version in the path and without asking for one first. */
  async callUnversioned(request: EngineRequest): Promise<EngineAnswer> {
    return await this.#callAt(request, "");
  }

  /** Makes a call whose answer comes over time. The pieces have no deadline; `signal` ends them. */
  async stream(request: EngineRequest): Promise<AsyncGenerator<Uint8Array, void, void>> {
    const { head, line } = await this.#exchange(request, `/v${await this.apiVersion()}`);
    if (head.status >= 400) await this.#fail(request, head, line);
    return pieces(request, { head, line });
  }

  /** Makes a call that turns the connection into a raw stream. */
  async hijack(request: EngineRequest): Promise<Hijacked> {
    const upgrade = { ...request.headers, connection: "Upgrade", upgrade: "tcp" };
    const prefix = `/v${await this.apiVersion()}`;
    const { head, line } = await this.#exchange({ ...request, headers: upgrade }, prefix);
    if (head.status >= 400) await this.#fail(request, head, line);
    return { reader: line.reader, connection: line.connection, headers: head.headers };
  }

  [Symbol.dispose](): void {
    for (const { line } of this.#idle.splice(0)) line.connection.close();
  }

  async #callAt(request: EngineRequest, prefix: string): Promise<EngineAnswer> {
    const { head, line } = await this.#exchange(request, prefix);
    const { status, headers } = head;
    if (status >= 400 && !request.accept?.includes(status)) await this.#fail(request, head, line);
    const text = await guarded(
      request,
      line.connection,
      () => this.#readAll(request.method, head, line),
    );
    return { status, headers, value: text === "" ? undefined : parseJson(text) };
  }

  async #fail(request: EngineRequest, head: Head, line: Line): Promise<never> {
    const text = await guarded(
      request,
      line.connection,
      () => this.#readAll(request.method, head, line),
    );
    const said = textAt(parseJson(text), "message") ?? text.trim();
    const reason = said === "" ? `the engine answered ${head.status}` : firstLine(said);
    throw new EngineError(request.doing, { status: head.status, reason });
  }

  async #readAll(method: string, head: Head, line: Line): Promise<string> {
    const framing = bodyFraming(method, head);
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of line.reader.body(framing)) {
      text += decoder.decode(piece, { stream: true });
    }
    const keep = framing.kind !== "close" && head.headers.get("connection") !== "close";
    if (keep && this.#idle.length < MAX_IDLE) {
      this.#idle.push({ line: { ...line, usedBefore: true }, since: performance.now() });
    } else line.connection.close();
    return text + decoder.decode();
  }

  /** Sends the request and reads the answer's head; once more when a kept connection was dead. */
  async #exchange(request: EngineRequest, prefix: string): Promise<Exchange> {
    request.signal?.throwIfAborted();
    const line = await this.#take(request);
    const head = await guarded(request, line.connection, async () => {
      try {
        await writeAll(line.connection, encodeRequest(request, prefix));
        if (isPieces(request.body)) await writeChunks(line.connection, request.body);
        return await line.reader.head();
      } catch (error) {
        if (line.usedBefore && isGone(error) && !request.signal?.aborted) return undefined;
        throw error;
      }
    });
    if (head !== undefined) return { head, line };
    line.connection.close();
    if (line.usedBefore && request.method !== "POST" && !isPieces(request.body)) {
      return await this.#exchange(request, prefix);
    }
    throw new UnavailableError(`Cannot ${request.doing}: the engine closed the connection`, {
      hint: "moat doctor",
    });
  }

  async #take(request: EngineRequest): Promise<Line> {
    // Pieces cannot be sent a second time, so they do not go over a connection that may be dead.
    for (let kept; !isPieces(request.body) && (kept = this.#idle.pop()) !== undefined;) {
      if (performance.now() - kept.since < IDLE_MS) return kept.line;
      kept.line.connection.close();
    }
    try {
      const connection = await this.#connect();
      return { connection, reader: new ByteReader(connection), usedBefore: false };
    } catch (cause) {
      if (cause instanceof MoatError) throw cause;
      throw new UnavailableError(`Cannot ${request.doing}: the engine does not answer`, {
        cause,
        hint: "moat doctor",
      });
    }
  }
}

/** Runs one exchange; closes the connection when its time is over or it is aborted. */
async function guarded<T>(
  { doing, signal, timeoutMs = DEADLINE_MS }: EngineRequest,
  connection: Connection,
  work: () => Promise<T>,
): Promise<T> {
  let late = false;
  const close = () => connection.close();
  const timer = setTimeout(() => {
    late = true;
    close();
  }, timeoutMs);
  signal?.addEventListener("abort", close);
  try {
    // It may have come while the connection was made.
    signal?.throwIfAborted();
    return await work();
  } catch (cause) {
    if (!late) close();
    signal?.throwIfAborted();
    if (cause instanceof MoatError) throw cause;
    const state = late
      ? `the engine did not answer within ${Math.round(timeoutMs / 1000)} s`
      : "the connection to the engine broke";
    // What broke when its time was over says nothing more.
    const reason = late ? {} : { cause };
    throw new UnavailableError(`Cannot ${doing}: ${state}`, { ...reason, hint: "moat doctor" });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", close);
  }
}

/** The body of an answer that comes over time; closes the connection at its end. */
async function* pieces(
  { method, signal, doing }: EngineRequest,
  { head, line }: Exchange,
): AsyncGenerator<Uint8Array, void, void> {
  const close = () => line.connection.close();
  signal?.addEventListener("abort", close);
  try {
    signal?.throwIfAborted();
    yield* line.reader.body(bodyFraming(method, head));
  } catch (cause) {
    signal?.throwIfAborted();
    if (!isGone(cause)) throw cause;
    throw new UnavailableError(`Cannot ${doing}: the connection to the engine broke`, { cause });
  } finally {
    signal?.removeEventListener("abort", close);
    line.connection.close();
  }
}

function encodeRequest(
  { method, path, query = {}, headers = {}, body }: EngineRequest,
  prefix: string,
): Uint8Array {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  const target = `${prefix}${path}${search.size === 0 ? "" : `?${search}`}`;
  const content = contentOf(body);
  const isArchive = body instanceof Uint8Array || isPieces(body);
  const lines = [`${method} ${target} HTTP/1.1`, "host: docker", "user-agent: moat"];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) {
    lines.push(`content-type: application/${isArchive ? "x-tar" : "json"}`);
  }
  if (isPieces(body)) lines.push("transfer-encoding: chunked");
  else if (method === "POST" || method === "PUT") lines.push(`content-length: ${content.length}`);
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

function contentOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const text = body === undefined || isPieces(body) ? "" : JSON.stringify(body);
  return new TextEncoder().encode(text);
}

function isPieces(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

async function writeChunks(
  connection: Connection,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const encoder = new TextEncoder();
  for await (const piece of pieces) {
    // An empty one would be the end.
    if (piece.length === 0) continue;
    await writeAll(connection, encoder.encode(`${piece.length.toString(16)}\r\n`));
    await writeAll(connection, piece);
    await writeAll(connection, encoder.encode("\r\n"));
  }
  await writeAll(connection, encoder.encode("0\r\n\r\n"));
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.trim() ?? text;
}
