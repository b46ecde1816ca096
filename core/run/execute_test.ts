import assert from "node:assert/strict";
import { join } from "node:path";
import { engineObjects, openDirectoryRuntime } from "../../tests/helpers/directory_runtime.ts";
import { createTestHome, testPlan } from "../../tests/helpers/test_home.ts";
import { InterruptedError, MoatError, UsageError } from "../errors.ts";
import type { Runtime } from "../plugin/runtime.ts";
import { isOwned } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import { Store } from "../store/store.ts";
import { type ExecuteOptions, executePlan, type StartedRun } from "./execute.ts";
import { finishRun } from "./finish.ts";
import type { RunPlan } from "./plan.ts";

/** A home, an engine and a store; `start()` executes a plan on them. */
async function createBench() {
  const home = await createTestHome();
  const engine = join(home.directory, "engine");
  const runtime = await openDirectoryRuntime(engine);
  const store = Store.open(home.paths);
  return {
    engine,
    store,
    paths: home.paths,
    start(plan: RunPlan, overrides: Partial<ExecuteOptions> = {}): Promise<StartedRun> {
      return executePlan({ plan, request: { secrets: new Map([["TOKEN", "s3cret"]]) } }, {
        store,
        paths: home.paths,
        runtime,
        signal: new AbortController().signal,
        ...overrides,
      });
    },
    runtime,
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function events(paths: { readonly events: string }): Promise<readonly string[]> {
  const lines = (await Deno.readTextFile(paths.events)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ type, to }) => to ?? type);
}

Deno.test("executePlan() starts the run, owned and recorded", async () => {
  await using bench = await createBench();
  const plan = testPlan();
  const run = await bench.start(plan);
  const record = bench.store.getRun(plan.id);
  assert.equal(record?.state, "running");
  assert.equal(record?.isolation, "container");
  assert.equal(record?.isolatedBy, "a directory");
  assert.equal(await isOwned(run.files), true);
  const name = plan.container.name;
  assert.deepEqual(engineObjects(bench.engine), [`container ${name}`, `network ${name}`]);
  await run.ownership[Symbol.asyncDispose]();
});

Deno.test("finishRun() keeps the exit code and leaves nothing else", async () => {
  await using bench = await createBench();
  const plan = testPlan();
  const run = await bench.start(plan);
  const { record } = await finishRun(run, { status: { code: 3, oomKilled: false } });
  assert.equal(record.state, "stopped");
  assert.equal(record.exitCode, 3);
  assert.equal(record.reason, undefined);
  assert.deepEqual(engineObjects(bench.engine), []);
  assert.deepEqual(bench.store.journal(plan.id), []);
  assert.equal(await isOwned(run.files), false);
  assert.deepEqual(await events(run.files), [
    "created",
    "starting",
    "isolation",
    "running",
    "stopped",
  ]);
});

Deno.test("finishRun() says that memory ran out, and that time did with exit code 124", async () => {
  await using bench = await createBench();
  const oom = await bench.start(testPlan());
  const { record } = await finishRun(oom, { status: { code: 137, oomKilled: true } });
  assert.equal(record.reason, "out of memory");
  const late = await bench.start(testPlan());
  const ended = await finishRun(late, {
    status: { code: 143, oomKilled: false },
    reason: "timed out after 5s",
  });
  assert.equal(ended.record.exitCode, 124);
});

Deno.test("finishRun() keeps the container of a run that asks for it", async () => {
  await using bench = await createBench();
  const plan = testPlan({ keep: true });
  await finishRun(await bench.start(plan), { status: { code: 0, oomKilled: false } });
  assert.equal(engineObjects(bench.engine).length, 2);
  assert.deepEqual(bench.store.journal(plan.id), []);
});

Deno.test("finishRun() says what it could not remove, and keeps it in the journal", async () => {
  await using bench = await createBench();
  const plan = testPlan();
  const run = await bench.start(plan);
  const remove: Runtime["remove"] = (resource) => {
    if (resource.kind === "container") return bench.runtime.remove(resource);
    return Promise.reject(new MoatError("Cannot remove network: it is in use"));
  };
  const { record, notices } = await finishRun(
    { ...run, runtime: { ...bench.runtime, remove } },
    { status: { code: 0, oomKilled: false } },
  );
  assert.equal(record.state, "stopped");
  assert.match(notices.join(), /it is in use.*moat clean/);
  assert.deepEqual(bench.store.journal(plan.id).map(({ resource }) => resource?.kind), ["network"]);
});

const STEPS = ["project", "network", "container", "start", "isolation", "running"];

for (const step of STEPS) {
  for (const moment of ["before", "after"]) {
    Deno.test(`executePlan() leaves nothing when it fails ${moment} step ${step}`, async () => {
      await using bench = await createBench();
      const plan = testPlan();
      const fault = (at: string, when: string) => {
        if (at === step && when === moment) throw new MoatError(`Cannot go on: ${step} fails`);
      };
      await assert.rejects(bench.start(plan, { fault }), {
        message: `Cannot go on: ${step} fails`,
      });
      await assertNothingLeft(bench, plan);
      assert.match(bench.store.getRun(plan.id)?.reason ?? "", /fails/);
    });

    Deno.test(`executePlan() leaves nothing when interrupted ${moment} step ${step}`, async () => {
      await using bench = await createBench();
      const plan = testPlan();
      const controller = new AbortController();
      const fault = (at: string, when: string) => {
        if (at === step && when === moment) controller.abort();
      };
      await assert.rejects(
        bench.start(plan, { fault, signal: controller.signal }),
        InterruptedError,
      );
      await assertNothingLeft(bench, plan);
    });
  }
}

async function assertNothingLeft(
  bench: Awaited<ReturnType<typeof createBench>>,
  plan: RunPlan,
): Promise<void> {
  assert.deepEqual(engineObjects(bench.engine), []);
  assert.deepEqual(bench.store.journal(plan.id), []);
  assert.equal(bench.store.getRun(plan.id)?.state, "failed");
  const files = runPaths(bench.paths, plan.id);
  assert.equal(await isOwned(files), false);
  assert.throws(() => Deno.statSync(join(files.directory, "owner.sock")), Deno.errors.NotFound);
  const pool = "10.213.0.0/28";
  assert.equal(bench.store.takeSubnet("next", pool, []), pool);
}

Deno.test("executePlan() reports a failed undo too and keeps it in the journal", async () => {
  await using bench = await createBench();
  const plan = testPlan();
  const runtime: Runtime = {
    ...bench.runtime,
    start: () => Promise.reject(new MoatError("Cannot start container: no such command")),
    remove: (resource) =>
      resource.kind === "network"
        ? Promise.reject(new MoatError("Cannot remove network: engine is gone"))
        : bench.runtime.remove(resource),
  };
  await assert.rejects(bench.start(plan, { runtime }), (error: unknown) => {
    assert(error instanceof MoatError);
    assert.match(error.message, /no such command.*engine is gone/);
    assert.equal(error.hint, "moat clean");
    return true;
  });
  assert.deepEqual(bench.store.journal(plan.id).map(({ step }) => step), ["network"]);
});

Deno.test("executePlan() refuses the name of a live run and leaves no files", async () => {
  await using bench = await createBench();
  const first = await bench.start(testPlan({ name: "web" }));
  const second = testPlan({ name: "web" });
  await assert.rejects(bench.start(second), UsageError);
  assert.throws(() => Deno.statSync(runPaths(bench.paths, second.id).directory));
  await first.ownership[Symbol.asyncDispose]();
});

Deno.test("executePlan() fails when the runtime isolates less than planned", async () => {
  await using bench = await createBench();
  const base = testPlan();
  const plan: RunPlan = { ...base, runtime: { ...base.runtime, isolation: "gvisor" } };
  await assert.rejects(bench.start(plan), /Cannot isolate run .* the runtime used container/);
  await assertNothingLeft(bench, plan);
});

Deno.test("executePlan() tries other subnets when the engine has one in use", async () => {
  await using bench = await createBench();
  const networks = bench.runtime.networks;
  const subnets: string[] = [];
  const runtime: Runtime = {
    ...bench.runtime,
    networks: {
      create(network, options) {
        subnets.push(network.subnet);
        if (subnets.length > 2) return networks?.create(network, options) ?? Promise.reject();
        return Promise.reject(new MoatError("Cannot create network: subnet overlaps another"));
      },
    },
  };
  const run = await bench.start(testPlan(), { runtime });
  assert.equal(new Set(subnets).size, 3);
  await finishRun(run, { status: { code: 0, oomKilled: false } });
});

Deno.test("executePlan() gives secrets to the container and to nothing else", async () => {
  await using bench = await createBench();
  const base = testPlan();
  const env = { TOKEN: { kind: "secret", key: "TOKEN" } } as const;
  const plan: RunPlan = { ...base, container: { ...base.container, env } };
  const run = await bench.start(plan);
  assert.equal(run.spec.env.TOKEN, "s3cret");
  await finishRun(run, { status: { code: 0, oomKilled: false } });
  const database = await Deno.readTextFile(bench.paths.database);
  const wal = await Deno.readTextFile(`${bench.paths.database}-wal`);
  const written = database + wal + await Deno.readTextFile(run.files.events);
  assert(!written.includes("s3cret"));
});
