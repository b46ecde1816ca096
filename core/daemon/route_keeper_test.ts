import assert from "node:assert/strict";
import { join } from "node:path";
import { insidePath } from "../../tests/helpers/directory_runtime.ts";
import { testContext } from "../../tests/helpers/test_context.ts";
import { createTestHome, testPlan, testRecord } from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import { Store } from "../store/store.ts";
import { RouteKeeper } from "./route_keeper.ts";

Deno.test("RouteKeeper opens the port inside a run when its owner says that it was started", async () => {
  await using home = await createTestHome();
  const context = testContext(home.paths);
  using store = Store.open(home.paths);
  await using keeper = new RouteKeeper(context, { store, log: () => {} });
  const engine = join(home.directory, "engine");
  await Deno.mkdir(engine);
  const base = testPlan();
  const plan = { ...base, runtime: { ...base.runtime, target: engine } };
  const record = testRecord({ id: plan.id, plan });
  store.insertRun(record);
  store.transition(record.id, { from: "created", to: "starting" });
  const { port } = await keeper.register(record.id);
  const path = insidePath(engine, plan.container.name, port);
  await keeper.tidy();
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  await keeper.enter(record.id);
  await until("the port", async () => {
    try {
      return await Deno.lstat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
  store.transition(record.id, { from: "starting", to: "failed" });
});
