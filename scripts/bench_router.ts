/**
 * `deno task bench router [--quick | --corpus]`: the router beside other proxies, all in front of one
 * nginx. `--corpus` measures nothing: it shows what each does with the requests of the tests' corpus.
 *
 * Needs nginx, haproxy, caddy and wrk (Debian packages) and node with npm; what is missing is left
 * out and named. Every program is started here on a loopback port of its own and ended. Loads take
 * turns, so that a noisy neighbour hits all alike; figures are medians of the rounds.
 *
 * @module
 */

import { compareCorpus } from "./bench_router_corpus.ts";
import { compileFront, type Server, startServers } from "./bench_router_servers.ts";

/** One way to load a server. */
interface Load {
  readonly name: string;
  readonly connections: number;
  readonly path: string;
  readonly seconds: number;
}

interface Figures {
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the server for one request: what a noisy neighbour changes least. */
  readonly cpuUs: number;
}

const NO_FIGURES: Figures = { requestsPerSecond: NaN, p50Us: NaN, p99Us: NaN, cpuUs: NaN };

/** Prints a table for each load, and memory. */
export async function benchRouter(args: readonly string[]): Promise<void> {
  if (args.includes("--corpus")) return await compareCorpus();
  const isQuick = args.includes("--quick");
  const seconds = isQuick ? 1 : 4;
  const rounds = isQuick ? 3 : 5;
  const loads: readonly Load[] = [
    { name: "64 connections, 12 bytes", connections: 64, path: "/", seconds },
    { name: "1 connection, 12 bytes", connections: 1, path: "/", seconds },
    { name: "8 connections, 1 MiB", connections: 8, path: "/large", seconds },
  ];
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  try {
    const front = await compileFront(directory);
    await using servers = await startServers(directory, { front, routes: [1, 10_000] });
    for (const load of loads) await measure(load, { servers: servers.list, rounds });
    console.log("\nResident memory afterwards");
    for (const server of servers.list) {
      console.log(
        `${server.name.padEnd(24)} ${(await server.memoryMib()).toFixed(0).padStart(6)} MiB`,
      );
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function measure(
  load: Load,
  { servers, rounds }: { readonly servers: readonly Server[]; readonly rounds: number },
): Promise<void> {
  const seen = new Map<Server, Figures[]>(servers.map((server) => [server, []]));
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) seen.get(server)?.push(await loadOnce(server, load));
  }
  console.log(`\n${load.name}`);
  console.log(`${"".padEnd(24)} requests/s   p50 µs   p99 µs   processor µs`);
  for (const [{ name }, figures] of seen) {
    const middle = {
      requestsPerSecond: median(figures.map(({ requestsPerSecond }) => requestsPerSecond)),
      p50Us: median(figures.map(({ p50Us }) => p50Us)),
      p99Us: median(figures.map(({ p99Us }) => p99Us)),
      cpuUs: median(figures.map(({ cpuUs }) => cpuUs)),
    };
    console.log(
      `${name.padEnd(24)} ${middle.requestsPerSecond.toFixed(0).padStart(10)} ` +
        `${middle.p50Us.toFixed(0).padStart(8)} ${middle.p99Us.toFixed(0).padStart(8)} ` +
        middle.cpuUs.toFixed(1).padStart(14),
    );
  }
}

async function loadOnce(server: Server, load: Load): Promise<Figures> {
  const before = await server.cpuMs();
  const { stdout } = await new Deno.Command("wrk", {
    args: [
      "-t1",
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      "--latency",
      "-H",
      "Host: a.localhost",
      `http://127.0.0.1:${server.port}${load.path}`,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const failed = /Non-2xx[^\n]*|Socket errors[^\n]*/.exec(text)?.[0];
  if (failed !== undefined) console.log(`  ${server.name}: ${failed}`);
  const requestsPerSecond = Number(/Requests\/sec:\s+([0-9.]+)/.exec(text)?.[1]);
  if (!Number.isFinite(requestsPerSecond)) return NO_FIGURES;
  const requests = Number(/([0-9]+) requests in/.exec(text)?.[1]);
  const cpuUs = (await server.cpuMs() - before) * 1000 / requests;
  return { requestsPerSecond, cpuUs, p50Us: latency(text, "50%"), p99Us: latency(text, "99%") };
}

/** Microseconds out of wrk's `50%    1.23ms`. */
function latency(text: string, percentile: string): number {
  const [, value, unit = ""] = new RegExp(`${percentile}\\s+([0-9.]+)(us|ms|s)`).exec(text) ?? [];
  const factor: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };
  return Number(value) * (factor[unit] ?? NaN);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
