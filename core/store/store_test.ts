import assert from "node:assert/strict";
import { join } from "node:path";
import { MoatError, UsageError } from "../errors.ts";
import { createTestHome, testRecord } from "../../tests/helpers/test_home.ts";
import { DatabaseSync } from "node:sqlite";
import { Store } from "./store.ts";

Deno.test("Store.open() makes the home with mode 0700 and keeps one home id", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  assert.match(store.homeId, /^[0-9a-f]{16}$/);
  using again = Store.open(home.paths);
  assert.equal(again.homeId, store.homeId);
  assert.equal((Deno.statSync(home.paths.home).mode ?? 0) & 0o777, 0o700);
});

Deno.test("Store.open() closes a home that others could read", async () => {
  await using home = await createTestHome();
  Deno.mkdirSync(home.paths.home, { mode: 0o755 });
  using _ = Store.open(home.paths);
  assert.equal((Deno.statSync(home.paths.home).mode ?? 0) & 0o777, 0o700);
});

Deno.test("Store.open() refuses a database of a newer moat with exit code 3", async () => {
  await using home = await createTestHome();
  Store.open(home.paths)[Symbol.dispose]();
  const raw = new DatabaseSync(home.paths.database);
  raw.exec("pragma user_version = 99");
  raw.close();
  for (const open of [() => Store.open(home.paths), () => Store.openExisting(home.paths)]) {
    assert.throws(open, (error: unknown) => {
      assert(error instanceof MoatError);
      assert.equal(error.exitCode, 3);
      assert.match(error.message, /newer moat wrote it/);
      return true;
    });
  }
});

Deno.test("Store.openExisting() creates nothing", async () => {
  await using home = await createTestHome();
  assert.equal(Store.openExisting(home.paths), undefined);
  assert.throws(() => Deno.statSync(home.paths.home), Deno.errors.NotFound);
});

Deno.test("Store.openExisting() cannot write", async () => {
  await using home = await createTestHome();
  Store.open(home.paths)[Symbol.dispose]();
  using reader = Store.openExisting(home.paths);
  assert(reader !== undefined);
  assert.throws(() => reader.insertRun(testRecord()), /readonly/);
});

Deno.test("insertRun() keeps the record as it was", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const record = testRecord({ startedAt: "2025-01-01T00:00:01.000Z", detached: true });
  store.insertRun(record);
  const { plan, ...rest } = record;
  const found = store.getRun(record.id);
  assert(found !== undefined);
  assert.deepEqual({ ...found }, { ...rest, plan });
});

Deno.test("insertRun() refuses the name of a live run and takes that of an ended one", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const first = testRecord({ name: "web" });
  store.insertRun(first);
  assert.throws(() => store.insertRun(testRecord({ name: "web" })), (error: unknown) => {
    assert(error instanceof UsageError);
    assert.match(error.message, new RegExp(first.id));
    assert.match(error.hint ?? "", /--name/);
    return true;
  });
  store.transition(first.id, { from: "created", to: "failed" });
  store.insertRun(testRecord({ name: "web" }));
  assert.equal(store.findRuns({ name: "web" }).length, 2);
});

Deno.test("transition() changes the state only from the one given", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const { id } = testRecord();
  store.insertRun(testRecord({ id }));
  assert.equal(store.transition(id, { from: "starting", to: "running" }), false);
  assert.equal(store.getRun(id)?.state, "created");
  assert.equal(store.transition(id, { from: "created", to: "starting" }), true);
  assert.throws(() => store.transition(id, { from: "starting", to: "created" }), TypeError);
  const patch = { exitCode: 3, reason: "x", finishedAt: "2025-01-01T00:00:09.000Z" };
  assert.equal(store.transition(id, { from: "starting", to: "failed", patch }), true);
  const record = store.getRun(id);
  assert.equal(record?.exitCode, 3);
  assert.equal(record?.finishedAt, patch.finishedAt);
});

Deno.test("transition() from several connections succeeds for one", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const record = testRecord();
  store.insertRun(record);
  using other = Store.open(home.paths);
  const won = [store, other, store, other].map((one) =>
    one.transition(record.id, { from: "created", to: "starting" })
  );
  assert.deepEqual(won, [true, false, false, false]);
});

Deno.test("findRuns() gives the newest first and combines conditions", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const old = testRecord({ name: "old", createdAt: "2025-01-01T00:00:00.000Z" });
  const dead = testRecord({ name: "dead", createdAt: "2025-01-02T00:00:00.000Z" });
  const young = testRecord({ name: "young", createdAt: "2025-02-01T00:00:00.000Z", project: "/b" });
  for (const record of [old, young, dead]) store.insertRun(record);
  store.transition(dead.id, { from: "created", to: "failed" });
  const names = (query: Parameters<Store["findRuns"]>[0]) =>
    store.findRuns(query).map(({ name }) => name);
  assert.deepEqual(names({}), ["young", "dead", "old"]);
  assert.deepEqual(names({ live: true }), ["young", "old"]);
  assert.deepEqual(names({ live: false }), ["dead"]);
  assert.deepEqual(names({ since: "2025-01-15T00:00:00.000Z" }), ["young", "old"]);
  assert.deepEqual(names({ project: "/b" }), ["young"]);
  assert.deepEqual(names({ idPrefix: old.id.slice(0, 12) }), ["old"]);
});

Deno.test("journal() gives back what was begun and not forgotten", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const { id } = testRecord();
  const network = store.beginStep(id, {
    step: "network",
    resource: { kind: "network", name: "n" },
  });
  const image = store.beginStep(id, { step: "image" });
  store.endStep(network);
  assert.deepEqual(
    store.journal(id).map(({ step, resource, done }) => ({ step, resource, done })),
    [
      { step: "network", resource: { kind: "network", name: "n" }, done: true },
      { step: "image", resource: undefined, done: false },
    ],
  );
  store.forgetStep(network);
  store.forgetStep(image);
  assert.deepEqual(store.journalledRuns(), []);
});

Deno.test("takeSubnet() never gives one twice, and gives freed ones again", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const pool = "10.9.0.0/27";
  const first = store.takeSubnet("a", pool, []);
  const second = store.takeSubnet("b", pool, []);
  assert.deepEqual([first, second].toSorted(), ["10.9.0.0/28", "10.9.0.16/28"]);
  assert.throws(() => store.takeSubnet("c", pool, []), /Cannot take a subnet from "10.9.0.0\/27"/);
  store.freeSubnet("a");
  assert.equal(store.takeSubnet("c", pool, []), first);
});

Deno.test("isTrusted() holds for exactly the accepted settings", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const settings = [{ key: "mounts", value: "~/.ssh", effect: "reads ~/.ssh" }];
  store.trust("/p", "d1", settings);
  assert.equal(store.isTrusted("/p", "d1"), true);
  assert.equal(store.isTrusted("/p", "d2"), false);
  assert.deepEqual(store.listTrusted()[0]?.settings, settings);
  assert.equal(store.untrust("/p"), true);
  assert.equal(store.untrust("/p"), false);
});

Deno.test("imagesUnusedSince() leaves out images of live runs", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const record = testRecord();
  store.insertRun(record);
  store.recordImageUse("moat/run:live", record.id);
  store.recordImageUse("moat/run:dead", "run_000000000000");
  const soon = new Date(Date.now() + 60_000).toISOString();
  assert.deepEqual(store.imagesUnusedSince(soon), ["moat/run:dead"]);
  assert.deepEqual(store.imagesUnusedSince("2000-01-01T00:00:00.000Z"), []);
});

Deno.test("20 processes open a home that is not there at once, and insert", async () => {
  await using home = await createTestHome();
  const script = join(home.directory, "insert.ts");
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  await Deno.writeTextFile(
    script,
    `import { Store } from ${url("./store.ts")};
     import { testRecord } from ${url("../../tests/helpers/test_home.ts")};
     import { resolvePaths } from ${url("./paths.ts")};
     using store = Store.open(resolvePaths({ MOAT_HOME: Deno.args[0] }));
     const record = testRecord({ name: "run-" + Deno.args[1] });
     store.insertRun(record);
     store.takeSubnet(record.id, "10.9.0.0/16", []);
     store.transition(record.id, { from: "created", to: "starting" });
     console.log(store.homeId);`,
  );
  const outputs = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", script, home.paths.home, String(index)],
      }).output()),
  );
  const text = new TextDecoder();
  assert.deepEqual(outputs.map(({ stderr }) => text.decode(stderr)), Array(20).fill(""));
  assert.equal(new Set(outputs.map(({ stdout }) => text.decode(stdout))).size, 1);
  using store = Store.open(home.paths);
  assert.equal(store.findRuns({ live: true }).length, 20);
});

Deno.test("routes are kept once for each run, and go with it", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const record = testRecord();
  store.insertRun(record);
  store.addRoute(record.id);
  store.addRoute(record.id);
  assert.deepEqual(store.routedRuns().map(({ id }) => id), [record.id]);
  assert.equal(store.isRouted(record.id), true);
  store.deleteRun(record.id);
  assert.equal(store.isRouted(record.id), false);
});
