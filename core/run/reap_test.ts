import assert from "node:assert/strict";
import { join } from "node:path";
import { directoryRuntime, engineObjects } from "../../tests/helpers/directory_runtime.ts";
import { testContext } from "../../tests/helpers/test_context.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { createRunId } from "../ids.ts";
import type { Paths } from "../store/paths.ts";
import { Store } from "../store/store.ts";
import { carryOutClean, planClean } from "./clean.ts";
import { destroyRun } from "./destroy_run.ts";
import { findDeadRuns, reapDeadRuns } from "./reap.ts";
import { stopRun } from "./stop_run.ts";

/** A process that starts a run; `until` is the line of its output at which this returns. */
async function spawnOwner(paths: Paths, options: { engine: string; id: string; until: string }) {
  const [program = "", ...args] = testContext(paths).self;
  const child = new Deno.Command(program, {
    args: [...args, "start", options.engine, options.id],
    env: { MOAT_HOME: paths.home },
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(`${options.until}\n`)) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`The owner ended before "${options.until}": ${text}`);
    text += value;
  }
  return {
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await lines.cancel();
    },
    status: child.status,
    closeOutput: () => lines.cancel(),
  };
}

const MOMENTS = ["project before", "network before", "network after", "container before"]
  .concat(["container after", "start before", "start after", "running before", "started"]);

for (const until of MOMENTS) {
  Deno.test(`reapDeadRuns() leaves nothing of an owner killed at "${until}"`, async () => {
    await using home = await createTestHome();
    const engine = join(home.directory, "engine");
    const id = createRunId();
    const owner = await spawnOwner(home.paths, { engine, id, until });
    using store = Store.open(home.paths);
    const context = testContext(home.paths);
    if (until === "started") assert.deepEqual(await findDeadRuns(context, store), []);
    await owner.kill();
    assert.deepEqual((await findDeadRuns(context, store)).map((run) => run.id), [id]);
    const { runs, failures } = await reapDeadRuns(context, store);
    assert.deepEqual(failures, []);
    assert.equal(runs.length, 1);
    assert.deepEqual(engineObjects(engine), []);
    assert.deepEqual(store.journal(id), []);
    assert.equal(store.getRun(id)?.state, "failed");
    assert.equal(store.getRun(id)?.reason, "its owner died");
    assert.deepEqual(await findDeadRuns(context, store), []);
  });
}

Deno.test("reapDeadRuns() from several processes at once reaps once", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const owner = await spawnOwner(home.paths, { engine, id: createRunId(), until: "started" });
  await owner.kill();
  const context = testContext(home.paths);
  const reaped = await Promise.all([1, 2, 3].map(async () => {
    using store = Store.open(home.paths);
    return await reapDeadRuns(context, store);
  }));
  assert.deepEqual(reaped.flatMap(({ failures }) => failures), []);
  assert(reaped.some(({ runs }) => runs.length === 1));
  assert.deepEqual(engineObjects(engine), []);
});

Deno.test("reapDeadRuns() reports an engine that does not answer and tries again later", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const owner = await spawnOwner(home.paths, { engine, id: createRunId(), until: "started" });
  await owner.kill();
  using store = Store.open(home.paths);
  const away = { ...directoryRuntime, open: () => Promise.reject(new Error("engine is away")) };
  const context = testContext(home.paths);
  const { registry } = context;
  const failing = await reapDeadRuns(
    { ...context, registry: new (Object.getPrototypeOf(registry).constructor)([away]) },
    store,
  );
  assert.match(failing.failures[0]?.reason ?? "", /engine is away/);
  assert.equal((await reapDeadRuns(context, store)).runs.length, 1);
  assert.deepEqual(engineObjects(engine), []);
});

Deno.test("stopRun() asks the owner, which ends its run", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const id = createRunId();
  const owner = await spawnOwner(home.paths, { engine, id, until: "started" });
  using store = Store.open(home.paths);
  const context = testContext(home.paths);
  const record = await stopRun(context, { id }, { store, graceMs: 0 });
  assert.equal(record?.state, "stopped");
  assert.equal(record?.reason, "stopped");
  assert.equal(record?.exitCode, 143);
  assert.deepEqual(engineObjects(engine), []);
  assert.equal((await owner.status).code, 0);
  await owner.closeOutput();
});

Deno.test("stopRun() clears up behind an owner that died", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const id = createRunId();
  const owner = await spawnOwner(home.paths, { engine, id, until: "started" });
  await owner.kill();
  using store = Store.open(home.paths);
  const record = await stopRun(testContext(home.paths), { id }, { store });
  assert.equal(record?.state, "failed");
  assert.deepEqual(engineObjects(engine), []);
});

Deno.test("destroyRun() refuses a live run, and with force leaves one event", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const id = createRunId();
  const owner = await spawnOwner(home.paths, { engine, id, until: "started" });
  using store = Store.open(home.paths);
  const context = testContext(home.paths);
  const record = store.getRun(id);
  assert(record !== undefined);
  await assert.rejects(destroyRun(context, record, { store, force: false }), /it is running/);
  await destroyRun(context, record, { store, force: true });
  assert.equal(store.getRun(id), undefined);
  assert.deepEqual(engineObjects(engine), []);
  assert.deepEqual([...Deno.readDirSync(home.paths.runs)], []);
  assert.match(await Deno.readTextFile(home.paths.events), new RegExp(`"destroyed".*${id}`));
  await owner.status;
  await owner.closeOutput();
});

Deno.test("planClean() finds what dead runs of this home left, and nothing of live ones", async () => {
  await using home = await createTestHome();
  await using other = await createTestHome();
  const engine = join(home.directory, "engine");
  const [live, dead] = [createRunId(), createRunId()];
  const owner = await spawnOwner(home.paths, { engine, id: live, until: "started" });
  const killed = await spawnOwner(home.paths, { engine, id: dead, until: "started" });
  const neighbour = await spawnOwner(other.paths, { engine, id: createRunId(), until: "started" });
  await killed.kill();
  using store = Store.open(home.paths);
  const context = testContext(home.paths);
  const before = engineObjects(engine);
  const plan = await planClean(context, { store });
  assert.deepEqual(plan.orphans.map(({ id }) => id), [dead]);
  assert.deepEqual(engineObjects(engine), before);
  const { failures } = await carryOutClean(plan, context, { store });
  assert.deepEqual(failures, []);
  assert.deepEqual(engineObjects(engine), before.filter((name) => !name.includes(dead)));
  await owner.kill();
  await neighbour.kill();
});

Deno.test("planClean() finds a kept container, and records only when asked", async () => {
  await using home = await createTestHome();
  const engine = join(home.directory, "engine");
  const id = createRunId();
  const owner = await spawnOwner(home.paths, { engine, id, until: "started" });
  await owner.kill();
  using store = Store.open(home.paths);
  const context = testContext(home.paths);
  // As `finishRun()` leaves a run with --keep.
  store.transition(id, { from: "running", to: "stopped" });
  for (const { n } of store.journal(id)) store.forgetStep(n);
  const plan = await planClean(context, { store });
  assert.deepEqual(plan.orphans, []);
  assert.equal(plan.resources.length, 2);
  await carryOutClean(plan, context, { store });
  assert.deepEqual(engineObjects(engine), []);
  const records = await planClean(context, { store, recordsBefore: new Date(Date.now() + 60_000) });
  assert.deepEqual(records.records.map((record) => record.id), [id]);
  await carryOutClean(records, context, { store });
  assert.equal(store.getRun(id), undefined);
});
