/**
 * What the router has to stand, played against the real program: a daemon that is killed under load,
 * routes that come and go, clients that say nothing or not enough.
 *
 * @module
 */

import { compileFront } from "../../scripts/bench_router_servers.ts";
import { fetchFrom } from "./fetch_from.ts";
import { TestHome } from "./moat.ts";
import { until } from "./until.ts";

/** Answers every request with what it is called, in a process of its own. */
const SERVER = String.raw`
use strict; use IO::Socket::INET; $SIG{CHLD} = 'IGNORE';
my $s = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => 3000, Listen => 512,
  ReuseAddr => 1) or die "cannot listen: $!";
while (1) {
  my $c = $s->accept or next;
  while (defined(my $l = <$c>)) { last if $l =~ /^\r?\n$/ }
  print $c "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsteady";
  close $c;
}
`;
const HOST = "web.steady.localhost";
const CLIENTS = 16;
/** While nobody listens, clients that tried again at once would only keep the daemon from starting. */
const RETRY_MS = 10;

/** A daemon's router with one run behind it. */
export interface FaultStage extends AsyncDisposable {
  readonly home: TestHome;
  readonly port: number;
  /** Of the daemon that serves now. */
  pid(): Promise<number>;
  /** Resident memory of the daemon. */
  memoryMib(): Promise<number>;
  /** One request that must be answered by the run; milliseconds. */
  ask(): Promise<number>;
}

/** Starts a detached local run and its router. Linux only. */
export async function openFaultStage(): Promise<FaultStage> {
  const home = await TestHome.create({ MOAT_RUNTIME: "local" });
  try {
    await home.write("server.pl", SERVER);
    await home.ok([
      "run",
      "-d",
      "--name",
      "steady",
      "--port",
      "web=3000",
      "--",
      "perl",
      "server.pl",
    ]);
    const url = (await home.ok(["open", "steady", "--print"])).trim();
    const port = Number(new URL(url).port);
    const ask = async () => {
      const since = performance.now();
      const { status, body } = await fetchFrom(port, { host: HOST });
      if (status !== 200 || body !== "steady") throw new Error(`Answered ${status}: ${body}`);
      return performance.now() - since;
    };
    await until("the run's server", async () => {
      const { status } = await fetchFrom(port, { host: HOST });
      return status === 200;
    });
    const pid = async () => {
      const status: unknown = JSON.parse(await home.ok(["status", "--json"]));
      return Number(Object(Object(status).daemon).pid);
    };
    const memoryMib = async () => await memoryOf(await pid());
    const dispose = () => home[Symbol.asyncDispose]();
    return { home, port, pid, memoryMib, ask, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await home[Symbol.asyncDispose]();
    throw error;
  }
}

/** Clients that ask without pause; what is not an answer of the run is counted by what it was. */
class Load implements AsyncDisposable {
  answers = 0;
  /** When the answer came that was asked for last, by `performance.now()` of its question. */
  lastAsked = 0;
  readonly failures = new Map<string, number>();
  readonly #clients: readonly Promise<void>[];
  #isOver = false;

  constructor(stage: FaultStage) {
    this.#clients = Array.from({ length: CLIENTS }, () => this.#run(stage));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #run(stage: FaultStage): Promise<void> {
    while (!this.#isOver) {
      const asked = performance.now();
      try {
        await stage.ask();
        this.answers += 1;
        this.lastAsked = Math.max(this.lastAsked, asked);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const what = `${error.name}: ${error.message}`;
        this.failures.set(what, (this.failures.get(what) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** Milliseconds from each kill -9 of the daemon to the first answer that was asked for after it. */
export async function killDaemonUnderLoad(
  stage: FaultStage,
  kills: number,
): Promise<readonly number[]> {
  await using load = new Load(stage);
  const times: number[] = [];
  while (times.length < kills) {
    const before = load.answers;
    await until("load", () => Promise.resolve(load.answers > before + 100));
    const pid = await stage.pid();
    const killed = performance.now();
    Deno.kill(pid, "SIGKILL");
    await until("an answer", () => Promise.resolve(load.lastAsked > killed), { timeoutMs: 30_000 });
    times.push(performance.now() - killed);
  }
  return times;
}

/** What came of {@linkcode changeRoutesUnderLoad}. */
export interface RouteChanges {
  readonly changes: number;
  readonly answers: number;
  /** What was not an answer, and how often. */
  readonly failures: ReadonlyMap<string, number>;
}

/** Runs with an endpoint come and go, which is two changes each, while others ask a steady one. */
export async function changeRoutesUnderLoad(
  stage: FaultStage,
  { runs, atOnce = 4 }: { readonly runs: number; readonly atOnce?: number },
): Promise<RouteChanges> {
  await using load = new Load(stage);
  let begun = 0;
  const worker = async () => {
    while (begun < runs) {
      const name = `brief-${++begun}`;
      await stage.home.ok(["run", "--name", name, "--port", "web=3000", "--", "true"]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { changes: 2 * runs, answers: load.answers, failures: load.failures };
}

/** What so many clients cost that are there and no more. */
export interface IdleClients {
  readonly beforeMib: number;
  readonly afterMib: number;
  /** Median of a few requests meanwhile. */
  readonly answerMs: number;
  /** How many of them the router closed. */
  readonly closed: number;
}

/** Opens connections that send what is given and then nothing, and asks meanwhile. */
export async function holdConnections(
  stage: FaultStage,
  { count, send = "" }: { readonly count: number; readonly send?: string },
): Promise<IdleClients> {
  const beforeMib = await stage.memoryMib();
  const held: Deno.Conn[] = [];
  let closed = 0;
  try {
    while (held.length < count) {
      const batch = Array.from({ length: Math.min(100, count - held.length) }, async () => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: stage.port });
        if (send !== "") await connection.write(new TextEncoder().encode(send));
        connection.read(new Uint8Array(1)).then(() => closed += 1, () => {});
        return connection;
      });
      held.push(...await Promise.all(batch));
    }
    const times: number[] = [];
    for (let turn = 0; turn < 21; turn++) times.push(await stage.ask());
    const answerMs = times.toSorted((a, b) => a - b)[10] ?? NaN;
    return { beforeMib, afterMib: await stage.memoryMib(), answerMs, closed };
  } finally {
    for (const connection of held) connection.close();
  }
}

/** What came of {@linkcode dribbleHeads}. */
export interface SlowHeads {
  /** Answers by status; 0 for a connection that ended without one. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly slowestMs: number;
  /** The slowest of the requests that others sent meanwhile. */
  readonly otherMs: number;
}

/** Clients that send a byte of their head now and then, and never its end. */
export async function dribbleHeads(
  stage: FaultStage,
  { count, everyMs = 500 }: { readonly count: number; readonly everyMs?: number },
): Promise<SlowHeads> {
  const statuses = new Map<number, number>();
  let slowestMs = 0;
  let left = count;
  const dribbling = Array.from({ length: count }, async () => {
    const since = performance.now();
    const status = await dribble(stage.port, everyMs);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    slowestMs = Math.max(slowestMs, performance.now() - since);
    left -= 1;
  });
  let otherMs = 0;
  while (left > 0) {
    otherMs = Math.max(otherMs, await stage.ask());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Promise.all(dribbling);
  return { statuses, slowestMs, otherMs };
}

async function dribble(port: number, everyMs: number): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Slow: `);
  let at = 0;
  const timer = setInterval(() => {
    const byte = head.subarray(at, at + 1);
    connection.write(byte.length === 0 ? new Uint8Array([120]) : byte).catch(() => {});
    at += 1;
  }, everyMs);
  try {
    const block = new Uint8Array(4096);
    const length = await connection.read(block) ?? 0;
    return Number(new TextDecoder().decode(block.subarray(0, length)).split(" ")[1] ?? 0);
  } finally {
    clearInterval(timer);
  }
}

/** What came of {@linkcode serveManyRoutes}. */
export interface ManyRoutes {
  readonly memoryMib: number;
  /** Median milliseconds of a request to the first and to the last. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A compiled router with so many routes; asks the first and the last in turn. Linux only. */
export async function serveManyRoutes(count: number): Promise<ManyRoutes> {
  const directory = await Deno.makeTempDir({ prefix: "moat-soak-" });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("steady"),
  );
  try {
    await using router = startFront(await compileFront(directory), server.addr.port, count);
    const port = await router.port;
    const times = new Map<string, number[]>([["a", []], [`a-${count - 1}`, []]]);
    for (let turn = 0; turn < 200; turn++) {
      for (const [name, taken] of times) {
        const since = performance.now();
        const { status } = await fetchFrom(port, { host: `web.${name}.localhost` });
        if (status !== 200) throw new Error(`${name} answered ${status}`);
        taken.push(performance.now() - since);
      }
    }
    const [firstMs = NaN, lastMs = NaN] = [...times.values()].map((taken) =>
      taken.toSorted((a, b) => a - b)[100]
    );
    return { memoryMib: await memoryOf(router.pid), firstMs, lastMs };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function startFront(program: string, endpointPort: number, routes: number) {
  const child = new Deno.Command(program, {
    args: [String(endpointPort), String(routes)],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  return {
    pid: child.pid,
    port: reader.read().then(({ value }) => Number(new TextDecoder().decode(value))),
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function memoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+([0-9]+) kB/.exec(status)?.[1]) / 1024;
}
