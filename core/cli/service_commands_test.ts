import assert from "node:assert/strict";
import { join } from "node:path";
import { captureContext } from "../../tests/helpers/captured_context.ts";
import {
  directoryRuntime,
  endCommand,
  openDirectoryRuntime,
  writeOutput,
} from "../../tests/helpers/directory_runtime.ts";
import {
  createTestHome,
  testPlan,
  testRecord,
  testService,
} from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import { runLabels } from "../ids.ts";
import type { RunState } from "../run/states.ts";
import { takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import { Store } from "../store/store.ts";
import { COMMANDS } from "./commands/mod.ts";
import { runCli } from "./run_cli.ts";

/** A home with one owned run "shop" of the project, whose services `db` and `cache` are there. */
async function createBench({ state = "running" }: { readonly state?: RunState } = {}) {
  const home = await createTestHome();
  const project = await Deno.realPath(home.directory);
  const engine = join(home.directory, "engine");
  const runtime = await openDirectoryRuntime(engine);
  const base = testPlan({ name: "shop", project });
  const plan = {
    ...base,
    runtime: { ...base.runtime, target: engine },
    services: ["db", "cache"].map((name) => testService({ id: base.id, name, image: `${name}:1` })),
  };
  const record: RunRecord = {
    ...testRecord({ id: plan.id, name: "shop", plan, state }),
    services: [{ name: "db", state: "ready" }],
  };
  const store = Store.open(home.paths);
  store.insertRun(record);
  store.update(record.id, { services: record.services ?? [] });
  const ownership = await takeOwnership(runPaths(home.paths, record.id));
  const labels = runLabels(store.homeId, record.id, "service");
  await runtime.companions?.create({
    ...plan.services[0],
    name: `moat-db-${plan.id}`,
    runId: plan.id,
    labels,
    image: "db:1",
    env: {},
    files: [],
    mounts: [],
    hostname: "db",
    network: { name: "n" },
    hosts: [],
    dns: [],
    privileged: false,
    limits: {},
    toolPaths: [],
  });
  return {
    engine,
    container: `moat-db-${plan.id}`,
    /** Starts a command line of `moat service` in the project. */
    start(...args: readonly string[]) {
      const captured = captureContext({
        env: { MOAT_HOME: home.paths.home, HOME: home.directory },
        cwd: project,
        plugins: [directoryRuntime],
      });
      return { ...captured, code: runCli(["service", ...args], captured.context, COMMANDS) };
    },
    async service(...args: readonly string[]) {
      const { code, stdout, stderr } = this.start(...args);
      return { code: await code, stdout: stdout(), stderr: stderr() };
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await ownership?.[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

Deno.test("moat service ls shows what the owner saw last, and what has not begun", async () => {
  await using bench = await createBench();
  const { code, stdout, stderr } = await bench.service("ls", "--json");
  assert.deepEqual([code, /^Run "shop"/.test(stderr)], [0, true]);
  assert.deepEqual(
    JSON.parse(stdout).map((one: Record<string, unknown>) => [one.name, one.state, one.image]),
    [["db", "ready", "db:1"], ["cache", "planned", "cache:1"]],
  );
});

Deno.test("moat service ls of an ended run says that its services ended with it", async () => {
  await using bench = await createBench({ state: "stopped" });
  const { stdout } = await bench.service("ls", "shop");
  assert.match(stdout, /^db +stopped +db:1 +:5432$/m);
});

const TAILS: readonly (readonly [string, string, string])[] = [
  ["2", "one\ntwo\nthree\n", "two\nthree\n"],
  ["1", "one\ntwo\nunfinished", "unfinished"],
  ["9", "one\ntwo\n", "one\ntwo\n"],
  ["0", "one\n", ""],
];
for (const [lines, written, printed] of TAILS) {
  Deno.test(`moat service logs -n ${lines} of ${JSON.stringify(written)}`, async () => {
    await using bench = await createBench();
    await writeOutput(bench.engine, bench.container, written);
    assert.equal((await bench.service("logs", "-n", lines, "db")).stdout, printed);
  });
}

Deno.test("moat service logs -f -n goes on behind the last lines until the service ends", async () => {
  await using bench = await createBench();
  await writeOutput(bench.engine, bench.container, "one\ntwo\n");
  const following = bench.start("logs", "-f", "-n", "1", "shop", "db");
  await until("the last line is there", () => Promise.resolve(following.stdout() === "two\n"));
  await writeOutput(bench.engine, bench.container, "three\n");
  await endCommand(bench.engine, bench.container);
  assert.equal(await following.code, 0);
  assert.equal(following.stdout(), "two\nthree\n");
});

const REFUSED: readonly (readonly [readonly string[], number, RegExp])[] = [
  [
    ["logs", "cache"],
    1,
    /Cannot read the output of service "cache": it is not there, and run "shop" is running/,
  ],
  [["logs", "cash"], 2, /Cannot find service "cash" of run "shop": it has db, cache/],
  [["logs", "cach"], 2, /Did you mean "cache"\?/],
  [["logs", "shop", "nothing"], 2, /it has db, cache/],
  [["exec", "db"], 2, /<command> is missing/],
  [["exec", "none", "--", "true"], 2, /Cannot find service "none"/],
  [["url", "db"], 1, /Cannot tell the URL of service "db": it has none/],
];
for (const [args, code, message] of REFUSED) {
  Deno.test(`moat service ${args.join(" ")} is refused`, async () => {
    await using bench = await createBench();
    const outcome = await bench.service(...args);
    assert.match(outcome.stderr, message);
    assert.deepEqual([outcome.code, outcome.stdout], [code, ""]);
  });
}
