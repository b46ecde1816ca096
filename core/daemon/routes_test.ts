import assert from "node:assert/strict";
import { join } from "node:path";
import { endCommand, openDirectoryRuntime } from "../../tests/helpers/directory_runtime.ts";
import { type Fetched, fetchFrom } from "../../tests/helpers/fetch_from.ts";
import { playRouteStorm } from "../../tests/helpers/route_storm.ts";
import { testContext } from "../../tests/helpers/test_context.ts";
import { createTestHome, testPlan } from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import { publishEndpoints } from "../cli/publish_endpoints.ts";
import { MoatError } from "../errors.ts";
import { executePlan, type StartedRun } from "../run/execute.ts";
import { finishRun } from "../run/finish.ts";
import { handOver } from "../run/hand_over.ts";
import { ROUTER_PORT_FACT, Store } from "../store/store.ts";
import { ensureDaemon, findDaemon } from "./ensure_daemon.ts";

/** A home whose runs answer at one port of this machine with the host that they were asked for. */
async function createBench() {
  const home = await createTestHome();
  const context = testContext(home.paths);
  const store = Store.open(home.paths);
  const engine = join(home.directory, "engine");
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(`app at ${request.headers.get("host")}`),
  );
  const upstream = server.addr.port;
  return {
    context,
    store,
    engine,
    async start(name: string): Promise<StartedRun> {
      const base = testPlan({
        name,
        detached: true,
        endpoints: [{ name: "web", port: upstream }],
      });
      const plan = { ...base, runtime: { ...base.runtime, target: engine } };
      const { paths, signal } = context;
      const runtime = await openDirectoryRuntime(engine);
      const publish = (id: string, signal: AbortSignal) =>
        publishEndpoints(id, context, { homeConfig: {}, signal, notice: () => {} });
      const request = { secrets: new Map<string, string>() };
      return await executePlan({ plan, request }, { store, paths, runtime, signal, publish });
    },
    get port(): number {
      return Number(store.fact(ROUTER_PORT_FACT));
    },
    async ask(name: string): Promise<Fetched | undefined> {
      try {
        return await fetchFrom(this.port, { host: `web.${name}.localhost` });
      } catch (error) {
        if (isDown(error)) return undefined;
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      const daemon = await findDaemon(store);
      await daemon?.leave();
      await until("the daemon's end", async () => {
        using file = await Deno.open(context.paths.daemonLock, { create: true, write: true });
        return await file.tryLock(true);
      });
      store[Symbol.dispose]();
      await server.shutdown();
      await home[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a run's endpoint is served when its command starts, and no more when it has ended", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  assert.equal((await bench.ask("shop"))?.body, "app at web.shop.localhost");
  const other = await bench.start("lab");
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  await (await findDaemon(bench.store))?.tidyRoutes();
  assert.equal((await bench.ask("shop"))?.status, 404);
  assert.equal((await bench.ask("lab"))?.status, 200);
  await finishRun(other, { status: { code: 0, oomKilled: false } });
});

Deno.test("the router goes with the last run", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  assert.equal((await findDaemon(bench.store))?.router?.port, bench.port);
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  await until(
    "the router's end",
    () => Promise.resolve(bench.store.fact(ROUTER_PORT_FACT) === undefined),
  );
  assert.equal((await findDaemon(bench.store))?.router, undefined);
});

Deno.test("a detached run's route goes when the daemon sees its end", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  await handOver(run, bench.context);
  assert.equal((await bench.ask("shop"))?.status, 200);
  await (await findDaemon(bench.store))?.startRouter();
  await endCommand(bench.engine, run.spec.name);
  await until("the route's end", async () => (await bench.ask("shop"))?.status === 404);
  await (await findDaemon(bench.store))?.stopRouter({ force: false });
});

Deno.test("kill -9 of the daemon: the same route on the same port, soon", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  const { port } = bench;
  const daemon = await findDaemon(bench.store);
  Deno.kill(daemon?.pid ?? 0, "SIGKILL");
  await until("the route", async () => (await bench.ask("shop"))?.status === 200);
  assert.equal(bench.port, port);
  assert.notEqual((await findDaemon(bench.store))?.pid, daemon?.pid);
  await finishRun(run, { status: { code: 0, oomKilled: false } });
});

Deno.test("a daemon that leaves answers what it has begun, and the next one has the port", async () => {
  await using bench = await createBench();
  const run = await bench.start("slow");
  const daemon = await findDaemon(bench.store);
  const { port } = bench;
  using begun = await Deno.connect({ hostname: "127.0.0.1", port });
  await begun.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: slow.localhost\r\n"));
  // The daemon has the connection when it answers another one that came later.
  assert.equal((await bench.ask("slow"))?.status, 200);
  await daemon?.leave();
  const next = await until("the next daemon", async () => {
    const found = await findDaemon(bench.store);
    if (found === undefined) return (await ensureDaemon(bench.context)) && undefined;
    return found.pid !== daemon?.pid && found;
  });
  assert.equal(next.router?.port, port);
  assert.equal((await bench.ask("slow"))?.status, 200);
  await begun.write(new TextEncoder().encode("\r\n"));
  const block = new Uint8Array(4096);
  const count = await begun.read(block) ?? 0;
  assert.match(new TextDecoder().decode(block.subarray(0, count)), /^HTTP\/1\.1 200 /);
  await finishRun(run, { status: { code: 0, oomKilled: false } });
});

Deno.test("a port that was asked for and is taken fails the run, which leaves nothing", async () => {
  await using bench = await createBench();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const context = { ...bench.context, env: { MOAT_PROXY_PORT: String(taken.addr.port) } };
  const run = await bench.start("first");
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  await (await findDaemon(bench.store))?.tidyRoutes();
  const daemon = await ensureDaemon(bench.context);
  await assert.rejects(daemon.startRouter({ port: taken.addr.port }), (error: unknown) => {
    assert(error instanceof MoatError);
    assert.match(error.message, new RegExp(`port ${taken.addr.port}: .*pid ${Deno.pid}`));
    return true;
  });
  await assert.rejects(
    publishEndpoints("run_000000000000", context, {
      homeConfig: {},
      signal: context.signal,
      notice: () => {},
    }),
    /run_000000000000.*not live/,
  );
  taken.close();
});

Deno.test("16 processes register while the daemon is killed: none lost, none stale", async () => {
  const outcome = await playRouteStorm({ processes: 16, runs: 4, kills: 3, random: Math.random });
  assert.deepEqual({ lost: outcome.lost, stale: outcome.stale }, { lost: [], stale: [] });
  assert.equal(outcome.live, 32);
});

/** Nobody listens, or whoever did was killed. */
function isDown(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}
