/**
 * `deno task bench router [--quick | --corpus | --h2spec]`: the router beside other proxies, all in front of one
 * nginx, as tables in Markdown. `--quick` takes the two main loads, in about a minute. `--corpus`
 * measures nothing: it shows what each does with the requests of the tests' corpus; so does `--h2spec`
 * with the cases of h2spec.
 *
 * Needs nginx, haproxy, caddy, wrk, curl, openssl and nghttp2-client (Debian packages), node and npm;
 * what is missing is left out and named. Every program is started here on loopback ports of its own
 * and ended. Servers take turns, so that a noisy neighbour hits all alike; figures are medians. All
 * of it takes about seven minutes.
 *
 * @module
 */

import { compareCorpus } from "./bench_router_corpus.ts";
import { compareH2 } from "./bench_router_h2spec.ts";
import { type Figures, type Load, loadsFor } from "./bench_router_loads.ts";
import { compileFront, has, type Server, startServers } from "./bench_router_servers.ts";

/** Options of {@linkcode measure}. */
interface MeasureOptions {
  readonly servers: readonly Server[];
  readonly rounds: number;
  readonly directory: string;
}

/** Prints a table for each load, and memory. */
export async function benchRouter(args: readonly string[]): Promise<void> {
  if (args.includes("--corpus")) return await compareCorpus();
  if (args.includes("--h2spec")) return await compareH2();
  const isQuick = args.includes("--quick");
  const seconds = isQuick ? 1 : 2;
  const rounds = isQuick ? 2 : 3;
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  try {
    const front = await compileFront(directory);
    await using servers = await startServers(directory, { front, routes: [1, 10_000] });
    const loads = loadsFor({ seconds, isQuick });
    // A program that compiles itself while it runs is slower in its first second.
    for (const server of servers.list) await loads[0]?.run(server, directory);
    for (const load of loads) await measure(load, { servers: servers.list, rounds, directory });
    console.log("\n| Resident memory afterwards | MiB |\n|---|---|");
    for (const server of servers.list) {
      console.log(`| ${server.name} | ${(await server.memoryMib()).toFixed(0)} |`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function measure(load: Load, { servers, rounds, directory }: MeasureOptions): Promise<void> {
  if (load.needs !== undefined && !await has(load.needs)) {
    console.log(`\n${load.name} is left out: ${load.needs} is not there`);
    return;
  }
  const seen = new Map<Server, Figures[]>(servers.map((server) => [server, []]));
  const failures: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const before = await server.cpuMs();
      const result = await load.run(server, directory);
      if (result === undefined) continue;
      const { count, failed, ...figures } = result;
      const cpuUs = (await server.cpuMs() - before) * 1000 / count;
      seen.get(server)?.push({ ...figures, cpuUs });
      if (failed !== undefined) failures.push(`${server.name}: ${failed}`);
    }
  }
  print(load, seen);
  if (failures.length > 0) console.log(`\n${failures.join("; ")}`);
}

/** The first is the endpoint itself. */
function print({ name, unit, isSequential }: Load, seen: ReadonlyMap<Server, Figures[]>): void {
  const titles = [name, unit, "p50 µs", ...(isSequential ? ["added µs"] : [])];
  titles.push("p99 µs", "processor µs");
  console.log(`\n${row(titles)}\n|${"---|".repeat(titles.length)}`);
  let direct: number | undefined;
  for (const [server, figures] of seen) {
    if (figures.length === 0) continue;
    const middle = (of: (figures: Figures) => number) =>
      median(figures.map(of).filter(Number.isFinite));
    const p50 = middle(({ p50Us }) => p50Us);
    const added = direct === undefined ? "" : rounded(p50 - direct);
    direct ??= p50;
    console.log(row([
      server.name,
      rounded(middle(({ perSecond }) => perSecond)),
      rounded(p50),
      ...(isSequential ? [added] : []),
      rounded(middle(({ p99Us }) => p99Us)),
      middle(({ cpuUs }) => cpuUs).toFixed(1),
    ]));
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below = NaN, above = NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? above : (below + above) / 2;
}

function rounded(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–";
}
