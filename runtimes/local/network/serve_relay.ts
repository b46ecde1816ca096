/**
 * The outside half of the relay: an HTTP proxy on a Unix socket that a sandbox's bridge connects to.
 *
 * Knows CONNECT and plain `http://` requests, one per connection. What it connects to is decided in
 * `checked_connect.ts`. It looks at no content, adds no credentials and keeps no log.
 *
 * @module
 */

import { writeAll } from "./write_all.ts";
import { chainThrough, type Connected, proxyFor } from "./chain_proxy.ts";
import { connectOutside, MACHINE, type RelayMachine, RelayRefusal } from "./checked_connect.ts";
import { type HostProxies, readHostProxies } from "./host_proxy.ts";
import { parseProxyRequest, type ProxyRequest } from "./proxy_request.ts";
import { hangUp } from "./hang_up.ts";
import { encodeLatin1, readHead } from "./read_head.ts";

/** More connections of one sandbox at once wait: each costs two file descriptors of this process. */
const MAX_CONNECTIONS = 200;

/** Pause after a failed accept, such as for want of file descriptors. */
const ACCEPT_PAUSE_MS = 100;

/** Time for a client to send its request's head. */
const HEAD_TIMEOUT_MS = 60_000;

/** Options of {@linkcode serveRelay}. */
export interface ServeRelayOptions {
  /** moat's own environment, for a proxy that the host needs. */
  readonly env?: Readonly<Record<string, string>>;
  readonly machine?: RelayMachine;
  /** The only servers to connect to, such as `example.org:443`; absent: all that are outside. */
  readonly reach?: readonly string[];
}

/**
 * Serves the proxy at the path until disposed. A socket of another process at the same path is
 * replaced in one step; after that the other one gets no new connections.
 */
export async function serveRelay(
  path: string,
  { env = {}, machine = MACHINE, reach }: ServeRelayOptions = {},
): Promise<AsyncDisposable> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 4)}`;
  const listener = Deno.listen({ transport: "unix", path: temporary });
  // Who may come here at all is decided by the directories above.
  await Deno.chmod(temporary, 0o666);
  await Deno.rename(temporary, path);
  const open = new Set<Deno.Conn>();
  const serving = { machine, proxies: readHostProxies(env), open, reach: reach && new Set(reach) };
  const accepting = acceptClients(listener, serving);
  return {
    async [Symbol.asyncDispose]() {
      closeListener(listener);
      for (const connection of open) hangUp(connection);
      await accepting;
    },
  };
}

interface Serving {
  readonly machine: RelayMachine;
  readonly proxies: HostProxies;
  readonly reach: ReadonlySet<string> | undefined;
  /** Everything to close when serving ends. */
  readonly open: Set<Deno.Conn>;
}

/** Accepts until the listener is closed; never rejects. */
async function acceptClients(listener: Deno.Listener, serving: Serving): Promise<void> {
  const active = new Set<Promise<void>>();
  while (true) {
    if (active.size >= MAX_CONNECTIONS) await Promise.race(active);
    let client: Deno.Conn;
    try {
      client = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      continue;
    }
    serving.open.add(client);
    const served = serveClient(client, serving).finally(() => {
      serving.open.delete(client);
      hangUp(client);
      active.delete(served);
    });
    active.add(served);
  }
}

async function serveClient(client: Deno.Conn, serving: Serving): Promise<void> {
  let server: Deno.Conn | undefined;
  try {
    const head = await readHead(client, HEAD_TIMEOUT_MS);
    if (head === undefined) return;
    const request = parseProxyRequest(head.text);
    if (request.kind === "invalid") return await answer(client, 400, request.reason);
    let early: Uint8Array;
    try {
      ({ connection: server, early } = await connectFor(request, serving));
    } catch (error) {
      if (!(error instanceof RelayRefusal)) throw error;
      const target = `${request.host}:${request.port}`;
      return await answer(client, error.status, `Cannot connect to "${target}": ${error.message}`);
    }
    serving.open.add(server);
    if (request.kind === "tunnel") {
      await writeAll(client, encodeLatin1("HTTP/1.1 200 Connection Established\r\n\r\n"));
      await writeAll(client, early);
    }
    await writeAll(server, head.rest);
    await copyBoth(client, server, { endWithServer: request.kind === "forward" });
  } catch {
    // Either end broke off: both are closed, which is all that can be told to them.
  } finally {
    if (server) {
      serving.open.delete(server);
      hangUp(server);
    }
  }
}

/** Connects, directly or through the host's own proxy, and has sent the head of a plain request. */
async function connectFor(
  request: Exclude<ProxyRequest, { readonly kind: "invalid" }>,
  { machine, proxies, reach }: Serving,
): Promise<Connected> {
  if (reach?.has(`${request.host.toLowerCase()}:${request.port}`) === false) {
    throw new RelayRefusal(403, "it is none of the declared servers");
  }
  const proxy = proxyFor(request, proxies);
  if (proxy) return await chainThrough(proxy, { request, machine });
  const server = await connectOutside(request, machine);
  if (request.kind === "forward") await writeAll(server, encodeLatin1(request.head));
  return { connection: server, early: new Uint8Array(0) };
}

async function copyBoth(
  client: Deno.Conn,
  server: Deno.Conn,
  { endWithServer }: { readonly endWithServer: boolean },
): Promise<void> {
  const up = copy(client, server);
  const down = copy(server, client);
  const fail = (error: unknown) => {
    hangUp(client);
    hangUp(server);
    return error;
  };
  up.catch(fail);
  down.catch(fail);
  if (!endWithServer) await Promise.all([up, down]);
  await down;
}

/** Copies until the end and passes the end on, leaving the other direction open. */
async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}

/** A short answer in plain text; the reason also stands in the status line, where clients show it. */
async function answer(client: Deno.Conn, status: number, text: string): Promise<void> {
  const line = text.replace(/[^\x20-\x7e]/g, "?");
  const body = `moat: ${line}\n`;
  await writeAll(
    client,
    encodeLatin1(
      `HTTP/1.1 ${status} moat: ${line}\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    ),
  );
  await client.closeWrite();
  const rest = new Uint8Array(4096);
  // A close with unread input would reset the connection and lose the answer.
  for (let left = 256; left > 0 && await client.read(rest) !== null; left--);
}

function closeListener(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
