/**
 * Many processes register and end runs at once while the daemon is killed, again and again.
 *
 * @module
 */

import { join } from "node:path";
import { findDaemon } from "../../core/daemon/ensure_daemon.ts";
import { ROUTER_PORT_FACT, Store } from "../../core/store/store.ts";
import { fetchFrom } from "./fetch_from.ts";
import { createTestHome } from "./test_home.ts";
import { testContext } from "./test_context.ts";
import { until } from "./until.ts";

/** Hundreds of runs lost their owners, which the daemon then clears up. */
const END_MS = 180_000;

/** How much. */
export interface RouteStorm {
  readonly processes: number;
  /** Runs of each process; every second one ends at once. */
  readonly runs: number;
  /** The daemon is killed so often, at random moments. */
  readonly kills: number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** What came out. */
export interface StormOutcome {
  /** Registered, answered, live, and not served. */
  readonly lost: readonly string[];
  /** Served although ended. */
  readonly stale: readonly string[];
  readonly live: number;
  readonly kills: number;
}

/** Plays it in a home of its own. */
export async function playRouteStorm(
  { processes, runs, kills, random }: RouteStorm,
): Promise<StormOutcome> {
  await using home = await createTestHome();
  const context = testContext(home.paths);
  const engine = join(home.directory, "engine");
  using store = Store.open(home.paths);
  const [program = "", ...prefix] = context.self;
  const children = Array.from({ length: processes }, () =>
    new Deno.Command(program, {
      args: [...prefix, "publish", engine, String(runs)],
      env: { MOAT_HOME: home.paths.home },
      stdin: "piped",
      stdout: "piped",
    }).spawn());
  let isOver = false;
  const killing = killDaemons(store, { kills, random, isOver: () => isOver });
  try {
    const lines = (await Promise.all(children.map(readUntilDone))).flat();
    isOver = true;
    const killed = await killing;
    const live = lines.filter((line) => line.startsWith("live ")).map((line) => line.slice(5));
    const ended = lines.filter((line) => line.startsWith("ended ")).map((line) => line.slice(6));
    const served = await until("all routes", async () => {
      const ids = await servedIds(store);
      return ids.size >= live.length && ids;
    }).catch(() => servedIds(store));
    return {
      lost: live.filter((id) => !served.has(id)),
      stale: ended.filter((id) => served.has(id)),
      live: live.length,
      kills: killed,
    };
  } catch (error) {
    for (const child of children) child.kill("SIGKILL");
    throw error;
  } finally {
    isOver = true;
    await Promise.all(children.map(async (child) => {
      await child.stdin.close().catch(() => {});
      await child.status;
    }));
    await until("the daemons' end", async () => {
      // One that waited for its turn may follow.
      await (await findDaemon(store))?.leave().catch(() => {});
      using file = await Deno.open(home.paths.daemonLock, { create: true, write: true });
      return await file.tryLock(true);
    }, { timeoutMs: END_MS });
  }
}

async function killDaemons(
  store: Store,
  { kills, random, isOver }: Pick<RouteStorm, "kills" | "random"> & { isOver(): boolean },
): Promise<number> {
  let killed = 0;
  let last: string | undefined;
  while (killed < kills && !isOver()) {
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 300));
    const pid = store.fact("daemon.pid");
    if (pid === undefined || pid === last) continue;
    try {
      Deno.kill(Number(pid), "SIGKILL");
      killed++;
      last = pid;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return killed;
}

async function readUntilDone({ stdout }: Deno.ChildProcess): Promise<readonly string[]> {
  let text = "";
  for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.endsWith("done\n")) return text.split("\n").slice(0, -2);
  }
  throw new Error(`A registering process ended early, after:\n${text.slice(-500)}`);
}

/** What the router itself says that it serves; empty while it is down. */
async function servedIds(store: Store): Promise<ReadonlySet<string>> {
  const port = Number(store.fact(ROUTER_PORT_FACT));
  if (!port) return new Set();
  try {
    const { body } = await fetchFrom(port, { host: "localhost" });
    const { runs } = Object(JSON.parse(body));
    return new Set(Array.isArray(runs) ? runs.map(({ id }) => String(id)) : []);
  } catch (error) {
    if (
      error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.ConnectionReset || error instanceof SyntaxError
    ) {
      return new Set();
    }
    throw error;
  }
}
