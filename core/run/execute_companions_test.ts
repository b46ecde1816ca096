import assert from "node:assert/strict";
import { join } from "node:path";
import {
  endCommand,
  engineObjects,
  openDirectoryRuntime,
  writeOutput,
} from "../../tests/helpers/directory_runtime.ts";
import {
  createTestHome,
  testPlan,
  testService,
  testSidecar,
} from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import { InterruptedError, MoatError } from "../errors.ts";
import type { CompanionSpec, Exec, Runtime } from "../plugin/runtime.ts";
import { runPaths } from "../store/paths.ts";
import { Store } from "../store/store.ts";
import { watchCompanions } from "./companions/watch_companions.ts";
import { type ExecuteOptions, executePlan, type StartedRun } from "./execute.ts";
import { finishRun } from "./finish.ts";
import type { RunPlan, ServicePlan } from "./plan.ts";

/** A home, an engine and a store; `specs` are the companions that were created, `calls` what was asked. */
async function createBench() {
  const home = await createTestHome();
  const engine = join(home.directory, "engine");
  const base = await openDirectoryRuntime(engine);
  const { companions } = base;
  assert(companions);
  const specs: CompanionSpec[] = [];
  const calls: string[] = [];
  const runtime: Runtime = {
    ...base,
    companions: {
      ...companions,
      create(spec, options) {
        specs.push(spec);
        return companions.create(spec, options);
      },
    },
    stop(name, options) {
      calls.push(`stop ${name}`);
      return base.stop(name, options);
    },
    remove(resource) {
      calls.push(`remove ${resource.kind} ${resource.name}`);
      return base.remove(resource);
    },
  };
  const store = Store.open(home.paths);
  return {
    engine,
    store,
    specs,
    calls,
    runtime,
    paths: home.paths,
    start(plan: RunPlan, overrides: Partial<ExecuteOptions> = {}): Promise<StartedRun> {
      return executePlan({ plan, request: { secrets: new Map() } }, {
        store,
        paths: home.paths,
        runtime,
        signal: new AbortController().signal,
        ...overrides,
      });
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

type Bench = Awaited<ReturnType<typeof createBench>>;

const PASSWORD_FILE = { path: "/run/password", content: "{password}\n", mode: 0o600 };
const ENDED = { status: { code: 0, oomKilled: false } };

/** A run with a database, a cache and a helper. */
function planWithCompanions(changes: Partial<ServicePlan> = {}): RunPlan {
  const base = testPlan();
  const { id } = base;
  return {
    ...base,
    container: {
      ...base.container,
      env: {
        PLAIN: { kind: "text", text: "db" },
        DB_URL: { kind: "service", service: "db", text: "sql://u:{password}@db" },
        CACHE_PASSWORD: { kind: "service", service: "cache", text: "{password}" },
      },
    },
    services: [
      testService({ id, name: "db", files: [PASSWORD_FILE], ...changes }),
      testService({ id, name: "cache", files: [PASSWORD_FILE], port: 6379 }),
    ],
    sidecars: [testSidecar({ id, privileged: "builds images" })],
  };
}

async function readEvents(paths: { readonly events: string }) {
  const lines = (await Deno.readTextFile(paths.events)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

Deno.test("executePlan() starts services and sidecars before the run, each with a name and an address", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const run = await bench.start(plan);
  assert.deepEqual(
    engineObjects(bench.engine),
    [
      `container moat-cache-${plan.id}`,
      `container moat-db-${plan.id}`,
      `container moat-helper-${plan.id}`,
      `container moat-${plan.id}`,
      `network moat-${plan.id}`,
    ].toSorted(),
  );
  const { network, hosts } = run.spec;
  assert(network.kind === "own");
  // The gateway has the first address of a /28.
  assert.equal(Number(network.address?.split(".").at(-1)) % 16, 2);
  assert.deepEqual(hosts.map(({ name }) => name), ["db", "cache", "helper"]);
  const addresses = bench.specs.map((spec) => spec.network.address);
  assert.equal(new Set([network.address, ...addresses]).size, 4);
  const db = bench.specs.find(({ hostname }) => hostname === "db");
  assert.deepEqual(db?.hosts.map(({ name }) => name), ["test", "cache", "helper"]);
  assert.equal(db?.hosts[0]?.address, network.address);
  assert.equal(hosts[0]?.address, db?.network.address);
  assert.equal(bench.specs.find(({ hostname }) => hostname === "helper")?.privileged, true);
  await finishRun(run, ENDED);
});

Deno.test("executePlan() gives each service a password, and the run the same in a file", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const run = await bench.start(plan);
  const passwords = ["db", "cache"].map((name) =>
    bench.specs.find(({ hostname }) => hostname === name)?.files[0]?.content.trim() ?? ""
  );
  for (const password of passwords) assert.match(password, /^[a-zA-Z0-9]{32}$/);
  assert.notEqual(passwords[0], passwords[1]);
  assert.deepEqual(run.spec.secretEnv, {
    DB_URL: `sql://u:${passwords[0]}@db`,
    CACHE_PASSWORD: passwords[1],
  });
  assert.deepEqual(run.spec.env, { PLAIN: "db" });
  await finishRun(run, ENDED);
  const written = [
    await Deno.readTextFile(bench.paths.database),
    await Deno.readTextFile(`${bench.paths.database}-wal`),
    await Deno.readTextFile(run.files.events),
  ].join();
  for (const password of passwords) assert(!written.includes(password));
});

Deno.test("executePlan() records what became ready, what is privileged and how all are isolated", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const run = await bench.start(plan);
  assert.deepEqual(
    bench.store.getRun(plan.id)?.services?.toSorted((a, b) => a.name < b.name ? -1 : 1),
    [
      { name: "cache", state: "ready" },
      { name: "db", state: "ready" },
      { name: "helper", state: "ready" },
    ],
  );
  const events = await readEvents(run.files);
  const privileged = events.filter(({ type }) => type === "privileged");
  assert.deepEqual(privileged.map(({ container, reason }) => [container, reason]), [
    [`moat-helper-${plan.id}`, "builds images"],
  ]);
  const isolated = events.filter(({ type }) => type === "isolation");
  assert.deepEqual(isolated.map(({ companion }) => companion ?? "run").toSorted(), [
    "cache",
    "db",
    "helper",
    "run",
  ]);
  await finishRun(run, ENDED);
});

Deno.test("finishRun() removes the run, then what is beside it, then the network", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  await finishRun(await bench.start(plan), ENDED);
  assert.deepEqual(engineObjects(bench.engine), []);
  assert.deepEqual(bench.store.journal(plan.id), []);
  assert.equal(bench.calls[0], `remove container moat-${plan.id}`);
  assert.equal(bench.calls.at(-1), `remove network moat-${plan.id}`);
  assert.equal(bench.calls.length, 5);
});

Deno.test("finishRun() of a kept run leaves its container, and removes what is beside it", async () => {
  await using bench = await createBench();
  const plan = { ...planWithCompanions(), keep: true };
  await finishRun(await bench.start(plan), ENDED);
  assert.deepEqual(engineObjects(bench.engine), [
    `container moat-${plan.id}`,
    `network moat-${plan.id}`,
  ]);
  assert.deepEqual(bench.store.journal(plan.id), []);
});

const STEPS = ["network", "service db", "service cache", "sidecar helper", "container", "start"];

for (const step of STEPS) {
  for (const moment of ["before", "after"]) {
    Deno.test(`executePlan() leaves nothing beside a run that fails ${moment} step ${step}`, async () => {
      await using bench = await createBench();
      const plan = planWithCompanions();
      const fault = (at: string, when: string) => {
        if (at === step && when === moment) throw new MoatError("Cannot go on: a test says so");
      };
      await assert.rejects(bench.start(plan, { fault }), /a test says so/);
      assertNothingLeft(bench, plan);
    });

    Deno.test(`executePlan() leaves nothing beside a run interrupted ${moment} step ${step}`, async () => {
      await using bench = await createBench();
      const plan = planWithCompanions();
      const controller = new AbortController();
      const { signal } = controller;
      const fault = (at: string, when: string) => {
        if (at === step && when === moment) controller.abort();
      };
      await assert.rejects(bench.start(plan, { fault, signal }), InterruptedError);
      assertNothingLeft(bench, plan);
    });
  }
}

function assertNothingLeft(bench: Bench, plan: RunPlan): void {
  assert.deepEqual(engineObjects(bench.engine), []);
  assert.deepEqual(bench.store.journal(plan.id), []);
  assert.equal(bench.store.getRun(plan.id)?.state, "failed");
}

Deno.test("executePlan() fails with the last lines of a service that ends, without its password", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const name = `moat-cache-${plan.id}`;
  const { companions } = bench.runtime;
  assert(companions);
  const runtime: Runtime = {
    ...bench.runtime,
    companions: {
      ...companions,
      async start(spec) {
        await companions.start(spec);
        if (spec.name !== name) return;
        const password = spec.files[0]?.content.trim();
        await writeOutput(bench.engine, name, `one\ncannot use ${password} here\n`);
        await endCommand(bench.engine, name, 3);
      },
    },
  };
  await assert.rejects(bench.start(plan, { runtime }), (error: unknown) => {
    assert(error instanceof MoatError);
    assert.match(error.message, /^Cannot start service "cache": it ended with exit code 3\n/);
    assert.match(error.message, /\n {2}one\n {2}cannot use \*\*\* here$/);
    return true;
  });
  assertNothingLeft(bench, plan);
  assert.equal(
    bench.store.getRun(plan.id)?.services?.find((service) => service.name === "cache")?.state,
    "failed",
  );
});

Deno.test("executePlan() fails when a service is not ready in time", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions({ readyTimeoutMs: 50 });
  const runtime: Runtime = {
    ...bench.runtime,
    dial: (name, port) => {
      const refused = name === `moat-db-${plan.id}`;
      if (refused) return Promise.reject(new MoatError("Cannot dial: nothing listens"));
      return bench.runtime.dial?.(name, port) ?? Promise.reject();
    },
  };
  await assert.rejects(
    bench.start(plan, { runtime }),
    /^MoatError: Cannot start service "db": .*nothing listens/,
  );
  assertNothingLeft(bench, plan);
});

Deno.test("executePlan() runs a service's commands when it is ready, in order, and stops at a failure", async () => {
  await using bench = await createBench();
  const commands: string[] = [];
  const exec: Runtime["exec"] = (_, { command }) => {
    commands.push(command.join(" "));
    const code = command[0] === "false" ? 1 : 0;
    const result: Exec = {
      attachment: {
        output: said(code === 0 ? "fine" : "no such model"),
        write: () => Promise.resolve(),
        closeInput: () => Promise.resolve(),
        resize: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      wait: () => Promise.resolve({ code, oomKilled: false }),
      kill: () => Promise.resolve(),
    };
    return Promise.resolve(result);
  };
  const runtime = { ...bench.runtime, exec };
  const good = planWithCompanions({ afterReady: [["pull", "one"], ["pull", "two"]] });
  await finishRun(await bench.start(good, { runtime }), ENDED);
  assert.deepEqual(commands, ["pull one", "pull two"]);
  const bad = planWithCompanions({ afterReady: [["false"], ["pull", "three"]] });
  await assert.rejects(
    bench.start(bad, { runtime }),
    /"false" ended with exit code 1: no such model/,
  );
  assert.deepEqual(commands.at(-1), "false");
  assertNothingLeft(bench, bad);
});

async function* said(text: string) {
  yield await Promise.resolve({ stream: "stdout" as const, data: new TextEncoder().encode(text) });
}

Deno.test("executePlan() does not wait for a service that need not be waited for", async () => {
  await using bench = await createBench();
  let isUp = false;
  const plan = planWithCompanions({ wait: false });
  const runtime: Runtime = {
    ...bench.runtime,
    dial: (name, port) =>
      isUp || !name.includes("-db-")
        ? bench.runtime.dial?.(name, port) ?? Promise.reject()
        : Promise.reject(new MoatError("Cannot dial: nothing listens")),
  };
  const state = () =>
    bench.store.getRun(plan.id)?.services?.find(({ name }) => name === "db")?.state;
  const run = await bench.start(plan, { runtime });
  assert.equal(state(), "starting");
  {
    await using _ = watchCompanions(run, { say: () => {} });
    isUp = true;
    await until("the service is ready", () => Promise.resolve(state() === "ready"));
  }
  await finishRun(run, ENDED);
});

Deno.test("watchCompanions() says at once when a service ends, records it, and says it once", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const run = await bench.start(plan);
  const lines: string[] = [];
  const say = (text: string) => void lines.push(text);
  const exited = () =>
    bench.store.getRun(plan.id)?.services?.some(({ name, state }) =>
      name === "db" && state === "exited"
    ) === true;
  {
    await using _ = watchCompanions(run, { say });
    await endCommand(bench.engine, `moat-db-${plan.id}`, 137);
    await until("the end is recorded", () => Promise.resolve(exited() && lines.length > 0));
  }
  await using again = watchCompanions(run, { say });
  await again[Symbol.asyncDispose]();
  assert.deepEqual(lines, ['Service "db" ended: exit code 137']);
  const events = await readEvents(runPaths(bench.paths, plan.id));
  const ends = events.filter(({ type, state }) => type === "service" && state === "exited");
  assert.deepEqual(ends.map(({ name, exitCode }) => [name, exitCode]), [["db", 137]]);
  await finishRun(run, ENDED);
});

Deno.test("finishRun() lets a server whose data is kept end by itself", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const [db, ...others] = plan.services;
  assert(db);
  const data = { directory: "/data", resume: [], template: false, volume: "v" };
  const kept: RunPlan = {
    ...plan,
    services: [{ ...db, data: { ...data, source: "keep" } }, ...others],
  };
  const run = await bench.start(plan);
  await finishRun({ ...run, record: { ...run.record, plan: kept } }, ENDED);
  const stops = bench.calls.filter((call) => call.startsWith("stop "));
  assert.deepEqual(stops, [`stop moat-db-${plan.id}`]);
  assert.deepEqual(engineObjects(bench.engine), []);
});

Deno.test("executePlan() gives a sidecar's cache to one run at a time", async () => {
  await using bench = await createBench();
  const planned = () => {
    const plan = planWithCompanions();
    const cache = { kind: "volume", source: "cache", target: "/cache", readOnly: false } as const;
    return { ...plan, sidecars: [testSidecar({ id: plan.id, mounts: [cache] })] };
  };
  const caches = () =>
    bench.specs.filter(({ hostname }) => hostname === "helper")
      .map(({ mounts }) => mounts[0]?.source);
  const notices: string[] = [];
  const notice = (text: string) => void notices.push(text);
  const first = await bench.start(planned(), { notice });
  assert.deepEqual(notices, []);
  const second = await bench.start(planned(), { notice });
  assert.match(notices.join(), /"helper" starts without its cache: run "test-.*" has it/);
  await finishRun(first, ENDED);
  const third = await bench.start(planned());
  assert.deepEqual(caches(), ["cache", "", "cache"]);
  await finishRun(second, ENDED);
  await finishRun(third, ENDED);
});

Deno.test("watchCompanions() says nothing of a service that ends with its run", async () => {
  await using bench = await createBench();
  const plan = planWithCompanions();
  const run = await bench.start(plan);
  const lines: string[] = [];
  await endCommand(bench.engine, plan.container.name, 0);
  await endCommand(bench.engine, `moat-db-${plan.id}`, 137);
  const looked = Promise.withResolvers<void>();
  const runtime: Runtime = {
    ...bench.runtime,
    async inspect(name, options) {
      const state = await bench.runtime.inspect(name, options);
      if (name === plan.container.name) looked.resolve();
      return state;
    },
  };
  {
    await using _ = watchCompanions({ ...run, runtime }, { say: (text) => void lines.push(text) });
    await looked.promise;
  }
  assert.deepEqual(lines, []);
  await finishRun(run, ENDED);
});
