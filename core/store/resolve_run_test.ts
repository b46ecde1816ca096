import assert from "node:assert/strict";
import { createTestHome, testRecord } from "../../tests/helpers/test_home.ts";
import { UsageError } from "../errors.ts";
import { resolveRun } from "./resolve_run.ts";
import { Store } from "./store.ts";

const OLD = "2025-01-01T00:00:00.000Z";
const NEW = "2025-01-02T00:00:00.000Z";

Deno.test("resolveRun() takes ids, unambiguous prefixes and names", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const a = testRecord({ id: "run_aa0000000001", name: "web", createdAt: OLD });
  const b = testRecord({ id: "run_aa0000000002", name: "api", createdAt: NEW });
  for (const record of [a, b]) store.insertRun(record);
  assert.equal(resolveRun(store, { query: a.id }).id, a.id);
  assert.equal(resolveRun(store, { query: "run_aa0000000002" }).id, b.id);
  assert.equal(resolveRun(store, { query: "api" }).id, b.id);
  assert.throws(() => resolveRun(store, { query: "run_aa" }), (error: unknown) => {
    assert(error instanceof UsageError);
    assert.match(error.message, /run_aa0000000001 \(web, created\)/);
    assert.match(error.message, /run_aa0000000002 \(api, created\)/);
    return true;
  });
});

Deno.test("resolveRun() prefers the live run of a name to a newer ended one", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const ended = testRecord({ name: "web", createdAt: NEW, state: "stopped" });
  const live = testRecord({ name: "web", createdAt: OLD });
  const older = testRecord({ name: "db", createdAt: OLD, state: "failed" });
  const newer = testRecord({ name: "db", createdAt: NEW, state: "stopped" });
  for (const record of [ended, live, older, newer]) store.insertRun(record);
  assert.equal(resolveRun(store, { query: "web" }).id, live.id);
  assert.equal(resolveRun(store, { query: "db" }).id, newer.id);
});

Deno.test("resolveRun() without a query takes the newest run of the project", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const mine = testRecord({ project: "/a", createdAt: NEW });
  for (
    const record of [
      testRecord({ project: "/a", createdAt: OLD }),
      mine,
      testRecord({ project: "/b" }),
    ]
  ) {
    store.insertRun(record);
  }
  assert.equal(resolveRun(store, { project: "/a" }).id, mine.id);
  assert.throws(() => resolveRun(store, { project: "/c" }), /Cannot find a run of "\/c"/);
});

Deno.test("resolveRun() names the nearest for an unknown name", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  store.insertRun(testRecord({ name: "fluffy-cat" }));
  assert.throws(() => resolveRun(store, { query: "flufy-cat" }), (error: unknown) => {
    assert(error instanceof UsageError);
    assert.equal(error.hint, 'Did you mean "fluffy-cat"?');
    return true;
  });
});
