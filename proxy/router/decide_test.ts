import assert from "node:assert/strict";
import type { Route } from "../../core/plugin/router.ts";
import type { Answer, Decision, Origin, RequestHead } from "./contract.ts";
import { decideBy } from "./decide.ts";
import { RouteTable } from "./route_table.ts";

const ORIGIN: Origin = {
  scheme: "http",
  address: "127.0.0.1",
  port: 50_000,
  localPort: 8123,
  from: "host",
};
const BROWSER = "text/html,*/*;q=0.8";

interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly accept?: string;
  readonly from?: Origin["from"];
}

function head(host: string, { method = "GET", target = "/", accept }: Asked): RequestHead {
  const headers = accept === undefined ? [] : [{ name: "Accept", value: accept }];
  return {
    method,
    target,
    version: "1.1",
    host,
    headers,
    header: (name) => headers.find((header) => header.name.toLowerCase() === name)?.value,
  };
}

function route(
  runName: string,
  names: readonly string[],
  { runId = `run_${runName}`, reach = [] }: Partial<Pick<Route, "runId" | "reach">> = {},
): Route {
  return {
    runId,
    runName,
    reach,
    endpoints: names.map((name, index) => ({ name, port: 3000 + index })),
    connect: () => Promise.reject(new Error("not here")),
  };
}

/** A table with a shop (api, web), a lab (one, two) and a bot (hook), which reaches parts of both. */
function bench() {
  const table = new RouteTable();
  table.set(route("shop", ["api", "web"]));
  table.set(route("lab", ["one", "two"]));
  const reach = [{ run: "shop" }, { run: "lab", endpoint: "two" }, { run: "gone" }];
  table.set(route("bot", ["hook"], { reach }));
  const decide = decideBy(table);
  return {
    table,
    ask(host: string, { from = "host", ...asked }: Asked = {}): Decision {
      const decision = decide(head(host, asked), { ...ORIGIN, from });
      assert(!(decision instanceof Promise));
      return decision;
    },
  };
}

function target(decision: Decision): string {
  assert.equal(decision.kind, "forward");
  return decision.kind === "forward" ? decision.endpoint.id : "";
}

function answer(decision: Decision): Answer {
  assert(decision.kind === "answer");
  return decision.answer;
}

function jsonOf({ body }: Answer): ReturnType<typeof Object> {
  return JSON.parse(String(body));
}

Deno.test("a request goes to the endpoint that its host names", () => {
  const { ask } = bench();
  assert.equal(target(ask("api.shop.localhost:8123")), "run_shop/api");
  assert.equal(target(ask("TWO.LAB.localhost")), "run_lab/two");
});

Deno.test("a run's own name leads to web, wherever that stands", () => {
  assert.equal(target(bench().ask("shop.localhost:8123", { accept: BROWSER })), "run_shop/web");
});

Deno.test("a run's own name leads to its only endpoint", () => {
  assert.equal(target(bench().ask("bot.localhost")), "run_bot/hook");
});

Deno.test("of several without web, the front page lists them and other paths go to the first", () => {
  const { ask } = bench();
  const listed = jsonOf(answer(ask("lab.localhost")));
  assert.deepEqual(listed.endpoints.map(({ url }: { url: string }) => url), [
    "http://one.lab.localhost:8123",
    "http://two.lab.localhost:8123",
  ]);
  assert.equal(target(ask("lab.localhost", { target: "/main.js" })), "run_lab/one");
  assert.equal(target(ask("lab.localhost", { method: "POST" })), "run_lab/one");
});

Deno.test("asked for JSON, a run's front page lists its endpoints, and no other path does", () => {
  const { ask } = bench();
  const accept = "application/json";
  assert.equal(jsonOf(answer(ask("shop.localhost", { accept }))).name, "shop");
  assert.equal(target(ask("shop.localhost", { accept, target: "/api/items" })), "run_shop/web");
});

Deno.test("localhost lists all: a page for browsers, JSON otherwise", () => {
  const { ask } = bench();
  const page = answer(ask("localhost:8123", { accept: BROWSER }));
  assert.equal(page.status, 200);
  assert.match(String(page.body), /href="http:\/\/api\.shop\.localhost:8123"/);
  const { runs } = jsonOf(answer(ask("localhost:8123", { accept: "application/json" })));
  assert.deepEqual(runs.map(({ name }: { name: string }) => name), ["bot", "lab", "shop"]);
});

Deno.test("a name that is not there is 404 and says what is", () => {
  const { ask } = bench();
  const unknown = answer(ask("ship.localhost"));
  assert.equal(unknown.status, 404);
  assert.equal(jsonOf(unknown).runs.length, 3);
  const endpoint = answer(ask("wev.shop.localhost"));
  assert.equal(endpoint.status, 404);
  assert.deepEqual(jsonOf(endpoint).runs.map(({ name }: { name: string }) => name), ["shop"]);
  assert.match(jsonOf(endpoint).error.message, /wev\.shop\.localhost/);
});

Deno.test("a host that is not below localhost is 421", () => {
  const { ask } = bench();
  for (const host of ["example.com", "127.0.0.1:8123", "[::1]:8123", "shop.localhost.evil", ""]) {
    assert.equal(answer(ask(host)).status, 421, host);
  }
});

Deno.test("what a host says cannot become markup", () => {
  const page = answer(bench().ask('"><script>x.localhost', { accept: BROWSER }));
  assert.equal(page.status, 404);
  assert.doesNotMatch(String(page.body), /<script/);
});

Deno.test("a run of the same name takes the place of the one before", () => {
  const { table, ask } = bench();
  table.set(route("shop", ["web"], { runId: "run_other" }));
  assert.equal(target(ask("shop.localhost")), "run_other/web");
  table.delete("run_shop");
  assert.equal(target(ask("shop.localhost")), "run_other/web");
  table.delete("run_other");
  assert.equal(answer(ask("shop.localhost")).status, 404);
});

const BOT = { run: "run_bot" };
const SHOP = { run: "run_shop" };

Deno.test("a run reaches its own endpoints and what its rules name", () => {
  const { ask } = bench();
  const reached = ["hook.bot", "bot", "api.shop", "shop", "two.lab"]
    .map((name) => target(ask(`${name}.localhost:8123`, { from: BOT })));
  assert.deepEqual(reached, [
    "run_bot/hook",
    "run_bot/hook",
    "run_shop/api",
    "run_shop/web",
    "run_lab/two",
  ]);
});

Deno.test("all else is 403, whether or not it is there, and says which rule is missing", () => {
  const { ask } = bench();
  for (const name of ["one.lab", "lab", "three.lab", "nobody", "web.nobody"]) {
    const refused = answer(ask(`${name}.localhost`, { from: BOT }));
    assert.equal(refused.status, 403, name);
    const { error } = jsonOf(refused);
    assert.equal(
      error.message,
      `Run "bot" may not reach ${name}.localhost: its network.rules do not name it`,
    );
    const rule = `run:${name.split(".").toReversed().join("/")}`;
    assert(error.hint.endsWith(`network: { rules: ["${rule}"] }`), error.hint);
  }
  const [known, unknown] = ["bot", "nobody"]
    .map((name) => String(answer(ask(`${name}.localhost`, { from: SHOP })).body));
  assert.equal(known?.replaceAll("bot", "nobody"), unknown);
});

Deno.test("what a rule names and is not there is 404", () => {
  const { ask } = bench();
  for (const name of ["gone", "web.gone", "admin.shop", "x.bot"]) {
    assert.equal(answer(ask(`${name}.localhost`, { from: BOT })).status, 404, name);
  }
});

Deno.test("a run sees no names but those that it may reach", () => {
  const { ask } = bench();
  const shown = jsonOf(answer(ask("localhost:8123", { from: BOT })));
  const names = (run: { name: string; endpoints: { name: string }[] }) =>
    `${run.name}: ${run.endpoints.map(({ name }) => name).join(" ")}`;
  assert.deepEqual(shown.runs.map(names), ["bot: hook", "lab: two", "shop: api web"]);
  for (const asked of ["localhost", "x.y.z.localhost", "lab.localhost", "wev.shop.localhost"]) {
    for (const accept of [BROWSER, "application/json"]) {
      const { body } = answer(ask(asked, { from: SHOP, accept, target: "/" }));
      const said = String(body).replaceAll(asked, "");
      assert.doesNotMatch(said, /\b(bot|hook|one|two)\b/, `${asked} ${accept}`);
    }
  }
});

Deno.test("a run whose route has gone reaches nothing", () => {
  const { table, ask } = bench();
  table.delete("run_bot");
  for (const name of ["bot", "shop", "two.lab"]) {
    assert.equal(answer(ask(`${name}.localhost`, { from: BOT })).status, 403, name);
  }
  assert.deepEqual(jsonOf(answer(ask("localhost", { from: BOT }))).runs, []);
});

Deno.test("a run without endpoints is in nobody's list", () => {
  const { table, ask } = bench();
  table.set(route("client", [], { reach: [{ run: "shop" }] }));
  const names = (from: Origin["from"]) =>
    jsonOf(answer(ask("localhost", { from }))).runs.map(({ name }: { name: string }) => name);
  assert.deepEqual(names("host"), ["bot", "lab", "shop"]);
  assert.deepEqual(names({ run: "run_client" }), ["shop"]);
  assert.equal(answer(ask("client.localhost")).status, 404);
});
