/**
 * Requests between moat's own processes: one JSON object a line over a Unix socket, one request and
 * one answer per connection.
 *
 * Whoever can open the socket is the user: its mode is 0600, in a directory with 0700.
 *
 * @module
 */

import { delay } from "../delay.ts";
import { describeError, MoatError, UnavailableError } from "../errors.ts";
import { removeFileIfThere } from "../store/files.ts";

/** A request: a method, and what it needs. */
export interface ControlRequest {
  readonly method: string;
  readonly [parameter: string]: unknown;
}

/** Answers a request; what it throws is thrown on the other side. */
export type ControlHandler = (request: ControlRequest, signal: AbortSignal) => Promise<unknown>;

/** Options of {@linkcode callControl}. */
export interface CallControlOptions {
  readonly signal?: AbortSignal;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

/** A server. Disposing ends connections and removes the socket. */
export interface ControlServer extends AsyncDisposable {
  /** Requests that are being answered. */
  readonly pending: number;
}

/** How long answers may take once the server is told to end. */
const ANSWER_MS = 1000;
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** Serves at the path, where nothing may be. */
export function serveControl(path: string, handler: ControlHandler): ControlServer {
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, 0o600);
  const stopped = new AbortController();
  const connections = new Set<Deno.Conn>();
  const answering = new Set<Promise<void>>();
  const accepting = (async () => {
    try {
      for await (const connection of listener) {
        connections.add(connection);
        const answer = answerOne(connection, { handler, signal: stopped.signal })
          .finally(() => {
            connections.delete(connection);
            answering.delete(answer);
          });
        answering.add(answer);
      }
    } catch (error) {
      if (!stopped.signal.aborted) throw error;
    }
  })();
  return {
    get pending() {
      return answering.size;
    },
    async [Symbol.asyncDispose]() {
      if (stopped.signal.aborted) return;
      stopped.abort();
      listener.close();
      await accepting;
      const limit = new AbortController();
      await Promise.race([Promise.all(answering), delay(ANSWER_MS, limit.signal)]);
      limit.abort();
      for (const connection of connections) closeQuietly(connection);
      await removeFileIfThere(path);
    },
  };
}

/** Asks the server at the path. @throws UnavailableError when nobody serves there */
export async function callControl(
  path: string,
  request: ControlRequest,
  { signal, timeoutMs = 30_000 }: CallControlOptions = {},
): Promise<unknown> {
  signal?.throwIfAborted();
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw new UnavailableError(`Cannot reach "${path}": nobody serves there`, { cause: error });
  }
  const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(limit.reason);
  limit.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = await Promise.race([exchange(connection, request), aborted.promise]);
    if (answer !== undefined) return resultOf(JSON.parse(answer));
    throw new UnavailableError(`Cannot reach "${path}": no answer to ${request.method}`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof MoatError) throw error;
    throw new UnavailableError(`Cannot reach "${path}": no answer to ${request.method}`, {
      cause: error,
    });
  } finally {
    limit.removeEventListener("abort", onAbort);
    closeQuietly(connection);
  }
}

async function exchange(
  connection: Deno.Conn,
  request: ControlRequest,
): Promise<string | undefined> {
  await writeLine(connection, request);
  return await readLine(connection);
}

async function answerOne(
  connection: Deno.Conn,
  { handler, signal }: { readonly handler: ControlHandler; readonly signal: AbortSignal },
): Promise<void> {
  try {
    const line = await readLine(connection);
    if (line === undefined) return;
    await writeLine(connection, await answerTo(line, { handler, signal }));
  } catch (error) {
    // The asking side is gone; it gets no answer.
    if (!isConnectionError(error)) throw error;
  } finally {
    closeQuietly(connection);
  }
}

async function answerTo(
  line: string,
  { handler, signal }: { readonly handler: ControlHandler; readonly signal: AbortSignal },
): Promise<unknown> {
  try {
    const request: unknown = JSON.parse(line);
    if (!isRequest(request)) throw new MoatError("Cannot answer: the request names no method");
    return { result: await handler(request, signal) };
  } catch (error) {
    const { hint, exitCode } = error instanceof MoatError ? error : {};
    return { error: { message: describeError(error), hint, exitCode } };
  }
}

function isRequest(value: unknown): value is ControlRequest {
  return typeof value === "object" && value !== null && "method" in value &&
    typeof value.method === "string";
}

function resultOf(answer: unknown): unknown {
  const { result, error } = Object(answer);
  if (error === undefined) return result;
  const { message, hint, exitCode } = Object(error);
  throw new MoatError(String(message), {
    ...(typeof hint === "string" ? { hint } : {}),
    ...(typeof exitCode === "number" ? { exitCode } : {}),
  });
}

async function writeLine(connection: Deno.Conn, value: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

async function readLine(connection: Deno.Conn): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const block = new Uint8Array(16 * 1024);
  let text = "";
  while (text.length < MAX_LINE_BYTES) {
    const count = await connection.read(block);
    if (count === null) return undefined;
    const end = block.subarray(0, count).indexOf(NEWLINE);
    if (end !== -1) return text + decoder.decode(block.subarray(0, end));
    text += decoder.decode(block.subarray(0, count), { stream: true });
  }
  throw new MoatError(`Cannot read a request: it is longer than ${MAX_LINE_BYTES} bytes`);
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected;
}

/** Closing alone does not end a pending read: the other side must see the end, and close, too. */
function closeQuietly(connection: Deno.Conn): void {
  connection.closeWrite().catch(ignoreConnectionError);
  try {
    connection.close();
  } catch (error) {
    ignoreConnectionError(error);
  }
}

function ignoreConnectionError(error: unknown): void {
  if (!isConnectionError(error)) throw error;
}
