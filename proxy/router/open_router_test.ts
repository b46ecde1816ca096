import assert from "node:assert/strict";
import { fetchFrom } from "../../tests/helpers/fetch_from.ts";
import type { Route } from "../../core/plugin/router.ts";
import { openRouter } from "./open_router.ts";

/** A server on this machine that says its name, and a router in front of it. */
async function createBench() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(`app at ${request.headers.get("host")}`),
  );
  const logged: string[] = [];
  const router = await openRouter({ ports: [0], log: (text) => void logged.push(text) });
  const { port } = server.addr;
  return {
    router,
    logged,
    route(runName: string, overrides: Partial<Route> = {}): Route {
      return {
        runId: `run_${runName}`,
        runName,
        endpoints: [{ name: "web", port }],
        connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
        ...overrides,
      };
    },
    ask: (host: string) => fetchFrom(router.port, { host }),
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await server.shutdown();
    },
  };
}

Deno.test("a route is served from when set() returns to when delete() does", async () => {
  await using bench = await createBench();
  bench.router.set(bench.route("shop"));
  assert.equal((await bench.ask("web.shop.localhost")).body, "app at web.shop.localhost");
  bench.router.delete("run_shop");
  assert.equal((await bench.ask("web.shop.localhost")).status, 404);
});

Deno.test("an endpoint that nobody can reach is 502 with the reason and the next command", async () => {
  await using bench = await createBench();
  const connect = () => Promise.reject(new Error("its container is gone"));
  bench.router.set(bench.route("shop", { connect }));
  const answer = await bench.ask("shop.localhost");
  assert.equal(answer.status, 502);
  const { error } = JSON.parse(answer.body);
  assert.match(error.message, /run "shop" .*web.*its container is gone/);
  assert.match(error.hint, /moat logs shop/);
});

Deno.test("an endpoint of a run that starts is 502 and says that it starts", async () => {
  await using bench = await createBench();
  const connect = () => Promise.reject(new Error("no such container"));
  const whyNotReady = () => "the run is starting";
  bench.router.set(bench.route("shop", { connect, whyNotReady }));
  const { error } = JSON.parse((await bench.ask("shop.localhost")).body);
  assert.match(error.message, /the run is starting/);
  assert.doesNotMatch(error.message, /no such container/);
});

Deno.test("500 changes of other routes under load fail no request", async () => {
  await using bench = await createBench();
  bench.router.set(bench.route("steady"));
  let changes = 0;
  let isOver = false;
  const statuses = new Map<number, number>();
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const { status } = await bench.ask("steady.localhost");
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  while (changes < 500) {
    const name = `other-${changes % 20}`;
    if (changes % 3 === 2) bench.router.delete(`run_${name}`);
    else bench.router.set(bench.route(name));
    changes++;
    if (changes % 5 === 0) await bench.ask("localhost");
  }
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual([...statuses.keys()], [200]);
});

Deno.test("of 10,000 routes each is served, and one goes without the others", async () => {
  await using bench = await createBench();
  for (let count = 0; count < 10_000; count++) bench.router.set(bench.route(`run-${count}`));
  const statuses = async () => {
    const asked = [0, 4999, 9999].map((count) => bench.ask(`run-${count}.localhost`));
    return (await Promise.all(asked)).map(({ status }) => status);
  };
  assert.deepEqual(await statuses(), [200, 200, 200]);
  bench.router.delete("run_run-4999");
  assert.deepEqual(await statuses(), [200, 404, 200]);
});

Deno.test("a router that drains listens no more and lets the present request end", async () => {
  await using bench = await createBench();
  const begun = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  const { connect } = bench.route("slow");
  bench.router.set(bench.route("slow", {
    async connect(port, options) {
      begun.resolve();
      await proceed.promise;
      return await connect(port, options);
    },
  }));
  const answer = bench.ask("slow.localhost");
  await begun.promise;
  const drained = bench.router.drain({ timeoutMs: 10_000 });
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: bench.router.port }));
  proceed.resolve();
  assert.equal((await answer).status, 200);
  await drained;
});
