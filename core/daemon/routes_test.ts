import assert from "node:assert/strict";
import { join } from "node:path";
import {
  endCommand,
  insidePath,
  openDirectoryRuntime,
} from "../../tests/helpers/directory_runtime.ts";
import { type Fetched, fetchFrom } from "../../tests/helpers/fetch_from.ts";
import { playRouteStorm } from "../../tests/helpers/route_storm.ts";
import { testContext } from "../../tests/helpers/test_context.ts";
import { createTestHome, testPlan } from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import { announceStart, publishEndpoints } from "../cli/publish_endpoints.ts";
import { MoatError } from "../errors.ts";
import { executePlan, type StartedRun } from "../run/execute.ts";
import { finishRun } from "../run/finish.ts";
import type { RunPlan } from "../run/plan.ts";
import { handOver } from "../run/hand_over.ts";
import { isThere } from "../store/files.ts";
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
  const announced = new Set<Promise<void>>();
  return {
    context,
    store,
    engine,
    async start(name: string, changes: Partial<RunPlan> = {}): Promise<StartedRun> {
      const base = testPlan({
        name,
        detached: true,
        endpoints: [{ name: "web", port: upstream }],
        ...changes,
      });
      const plan = { ...base, runtime: { ...base.runtime, target: engine } };
      const { paths, signal } = context;
      const runtime = await openDirectoryRuntime(engine);
      const publish = (id: string, signal: AbortSignal) =>
        publishEndpoints(id, context, { homeConfig: {}, signal, notice: () => {} });
      const request = { secrets: new Map<string, string>() };
      const announce = (id: string) => void announced.add(announceStart(id, store));
      const options = { store, paths, runtime, signal, publish, announce };
      return await executePlan({ plan, request }, options);
    },
    /** Asks as a program inside the run does, once its port is there. */
    inside: (run: StartedRun, host: string): Promise<Fetched> =>
      until("the port inside", async () => {
        const path = insidePath(engine, run.spec.name, Number(store.fact(ROUTER_PORT_FACT)));
        try {
          return await fetchFrom({ transport: "unix", path }, { host });
        } catch (error) {
          if (error instanceof Deno.errors.NotFound || isDown(error)) return undefined;
          throw error;
        }
      }),
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
      await Promise.all(announced);
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

Deno.test("programs inside a run come to its own endpoints, and to those of others by a rule", async () => {
  await using bench = await createBench();
  const shop = await bench.start("shop", { reach: [{ run: "lab" }] });
  const lab = await bench.start("lab");
  assert.equal((await bench.inside(shop, "web.shop.localhost")).body, "app at web.shop.localhost");
  assert.equal((await bench.inside(shop, "web.lab.localhost")).body, "app at web.lab.localhost");
  const refused = await bench.inside(lab, "web.shop.localhost");
  assert.equal(refused.status, 403);
  assert.match(refused.body, /Run \\"lab\\" may not reach web\.shop\.localhost/);
  await finishRun(shop, { status: { code: 0, oomKilled: false } });
  await finishRun(lab, { status: { code: 0, oomKilled: false } });
});

Deno.test("a run without endpoints comes to what its rules name, and is in no list", async () => {
  await using bench = await createBench();
  const lab = await bench.start("lab");
  const client = await bench.start("client", { endpoints: [], reach: [{ run: "lab" }] });
  assert.equal((await bench.inside(client, "lab.localhost")).body, "app at lab.localhost");
  assert.doesNotMatch((await fetchFrom(bench.port, { host: "localhost" })).body, /client/);
  await finishRun(client, { status: { code: 0, oomKilled: false } });
  await finishRun(lab, { status: { code: 0, oomKilled: false } });
});

Deno.test("kill -9 of the daemon: programs inside come to the next one", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  assert.equal((await bench.inside(run, "shop.localhost")).status, 200);
  Deno.kill((await findDaemon(bench.store))?.pid ?? 0, "SIGKILL");
  assert.equal((await bench.inside(run, "shop.localhost")).status, 200);
  await finishRun(run, { status: { code: 0, oomKilled: false } });
});

Deno.test("the port inside goes with the run, and with the router", async () => {
  await using bench = await createBench();
  const run = await bench.start("shop");
  const lab = await bench.start("lab");
  await Promise.all([run, lab].map((one) => bench.inside(one, "shop.localhost")));
  const { port } = bench;
  const isGone = (one: StartedRun) => async () =>
    !(await isThere(insidePath(bench.engine, one.spec.name, port)));
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  await (await findDaemon(bench.store))?.tidyRoutes();
  await until("the end of shop's port", isGone(run));
  await (await findDaemon(bench.store))?.stopRouter({ force: true });
  await until("the end of lab's port", isGone(lab));
  await finishRun(lab, { status: { code: 0, oomKilled: false } });
});

Deno.test("no port is opened inside a run that has the router's port itself", async () => {
  await using bench = await createBench();
  const first = await bench.start("first");
  const { port } = bench;
  const run = await bench.start("clash", { endpoints: [{ name: "web", port }] });
  const other = await bench.start("lab");
  // Whoever came later has its port: the daemon would have opened the one before.
  assert.equal((await bench.inside(other, "lab.localhost")).status, 200);
  assert.equal(await isThere(insidePath(bench.engine, run.spec.name, port)), false);
  assert.deepEqual(run.spec.hosts, []);
  assert.equal(
    other.spec.hosts.map(({ name }) => name).join(" "),
    "lab.localhost web.lab.localhost",
  );
  const events = await Deno.readTextFile(run.files.events);
  assert.match(events, /"notice".*endpoint web has the router's port/);
  await finishRun(first, { status: { code: 0, oomKilled: false } });
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  await finishRun(other, { status: { code: 0, oomKilled: false } });
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
