/**
 * Bodies of several GiB through the router in both directions, and the memory that it took.
 *
 * @module
 */

import { compileFront } from "../../scripts/bench_router_servers.ts";
import { RawConnection, toText } from "./raw_http.ts";
import { until } from "./until.ts";

/** How the client comes to the router. */
export const LARGE_BODY_WAYS = ["plain", "tls-h1"] as const;
export type LargeBodyWay = typeof LARGE_BODY_WAYS[number];

const PIECE_BYTES = 1 << 20;
const PIECE = new Uint8Array(PIECE_BYTES).map((_, at) => (at * 31 + (at >> 8)) & 255);

/** What came of it. */
export interface LargeBodies {
  readonly seconds: number;
  /** Peak of resident memory of the router's process. */
  readonly peakMib: number;
  readonly problems: readonly string[];
}

/** Sends so many MiB up and then as many down through a compiled router. Linux only. */
export async function playLargeBodies(mib: number, way: LargeBodyWay): Promise<LargeBodies> {
  const directory = await Deno.makeTempDir({ prefix: "moat-soak-" });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const problems: string[] = [];
  const answering = answerOne(listener, { mib, problems });
  try {
    const endpoint = String(listener.addr.port);
    const router = new Deno.Command(await compileFront(directory), {
      args: [endpoint, "1", endpoint, directory],
      stdout: "piped",
    }).spawn();
    const reader = router.stdout.getReader();
    try {
      const port = Number(toText((await reader.read()).value ?? new Uint8Array()));
      const certificate = way === "plain" ? "" : await certificateOf(port, directory);
      const since = performance.now();
      await playHttp1({ port, certificate, mib, problems, way });
      const seconds = (performance.now() - since) / 1000;
      return { seconds, peakMib: await peakOf(router.pid), problems };
    } finally {
      await reader.cancel();
      router.kill("SIGTERM");
      await router.status;
    }
  } finally {
    listener.close();
    await answering;
    await Deno.remove(directory, { recursive: true });
  }
}

interface PlayOptions {
  readonly port: number;
  readonly certificate: string;
  readonly mib: number;
  readonly problems: string[];
  readonly way: LargeBodyWay;
}

async function playHttp1({ port, certificate, mib, problems, way }: PlayOptions): Promise<void> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  using client = new RawConnection(
    way === "plain"
      ? tcp
      : await Deno.startTls(tcp, { hostname: "a.localhost", caCerts: [certificate] }),
  );
  await client.write(`PUT / HTTP/1.1\r\nHost: a.localhost\r\n${lengthOf(mib)}\r\n`);
  await send(client, mib);
  const head = await client.readHead();
  if (!head?.startsWith("HTTP/1.1 200 ")) problems.push(`the answer: ${head}`);
  await receive(client, { mib, problems, direction: "down" });
}

/** The authority is made by the first connection that needs it. */
async function certificateOf(port: number, directory: string): Promise<string> {
  return await until("the router's certificate", async () => {
    try {
      const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
      using tls = await Deno.startTls(tcp, { hostname: "localhost" });
      await tls.handshake();
    } catch (error) {
      // Nobody trusts it yet.
      if (!(error instanceof Deno.errors.InvalidData)) throw error;
    }
    return await Deno.readTextFile(`${directory}/router-ca.crt`).catch(() => undefined);
  });
}

async function answerOne(
  listener: Deno.TcpListener,
  { mib, problems }: { readonly mib: number; readonly problems: string[] },
): Promise<void> {
  for await (const tcp of listener) {
    using connection = new RawConnection(tcp);
    if (await connection.readHead() === undefined) continue;
    await receive(connection, { mib, problems, direction: "up" });
    await connection.write(`HTTP/1.1 200 OK\r\n${lengthOf(mib)}\r\n`);
    await send(connection, mib);
  }
}

function lengthOf(mib: number): string {
  return `Content-Length: ${mib * PIECE_BYTES}\r\n`;
}

async function send(connection: RawConnection, mib: number): Promise<void> {
  for (let sent = 0; sent < mib; sent++) await connection.write(PIECE);
}

/** Compares the first bytes of every MiB, and counts all. */
async function receive(
  connection: RawConnection,
  { mib, problems, direction }: {
    readonly mib: number;
    readonly problems: string[];
    readonly direction: string;
  },
): Promise<void> {
  for (let received = 0; received < mib; received++) {
    const piece = await connection.readBytes(PIECE_BYTES);
    if (toText(piece.subarray(0, 64)) === toText(PIECE.subarray(0, 64))) continue;
    problems.push(`${direction}: other bytes in MiB ${received}`);
    return;
  }
}

async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+([0-9]+) kB/.exec(status)?.[1]) / 1024;
}
