import assert from "node:assert/strict";
import { join } from "node:path";
import {
  endCommand,
  engineObjects,
  openDirectoryRuntime,
  writeOutput,
} from "../../tests/helpers/directory_runtime.ts";
import { testContext } from "../../tests/helpers/test_context.ts";
import { createTestHome, testPlan } from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import type { Context } from "../context.ts";
import { executePlan, type StartedRun } from "../run/execute.ts";
import { handOver } from "../run/hand_over.ts";
import type { RunPlan } from "../run/plan.ts";
import { OpenRuntimes } from "../run/open_runtime.ts";
import { reapDeadRuns, reapRun } from "../run/reap.ts";
import { isLive } from "../run/states.ts";
import { stopRun } from "../run/stop_run.ts";
import { isOwned } from "../store/owner.ts";
import { readLog } from "../store/read_log.ts";
import { Store } from "../store/store.ts";
import { ensureDaemon, findDaemon } from "./ensure_daemon.ts";

/** A home with an engine; disposing ends the daemon. */
async function createBench() {
  const home = await createTestHome();
  const engine = join(home.directory, "engine");
  const context = testContext(home.paths);
  const store = Store.open(home.paths);
  const decoder = new TextDecoder();
  return {
    engine,
    context,
    store,
    async start(overrides: Partial<RunPlan> = {}): Promise<StartedRun> {
      const base = testPlan({ detached: true, ...overrides });
      const plan = { ...base, runtime: { ...base.runtime, target: engine } };
      const { paths, signal } = context;
      const runtime = await openDirectoryRuntime(engine);
      return await executePlan({ plan, request: { secrets: new Map() } }, {
        store,
        paths,
        runtime,
        signal,
      });
    },
    async log(run: StartedRun): Promise<string> {
      const entries = await Array.fromAsync(readLog(run.files));
      return entries.map(({ data }) => decoder.decode(data)).join("");
    },
    async ended(run: StartedRun) {
      return await until("the run's end", async () => {
        const record = store.getRun(run.record.id);
        if (record === undefined || isLive(record.state) || await isOwned(run.files)) return;
        return record;
      });
    },
    async [Symbol.asyncDispose]() {
      await (await findDaemon(store))?.leave();
      await untilDaemonIsGone(context);
      store[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function untilDaemonIsGone({ paths }: Context): Promise<void> {
  await until("the daemon's end", async () => {
    using file = await Deno.open(paths.daemonLock, { create: true, write: true });
    return await file.tryLock(true);
  });
}

Deno.test("ensureDaemon() from ten commands at once starts one", async () => {
  await using bench = await createBench();
  const starts = join(bench.context.paths.store, "starts");
  const self = ["sh", "-c", 'echo >>"$0"; exec "$@"', starts, ...bench.context.self];
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => ensureDaemon({ ...bench.context, self })),
  );
  assert.equal(new Set(clients.map(({ pid }) => pid)).size, 1);
  assert.equal(await Deno.readTextFile(starts), "\n");
});

Deno.test("the daemon ends by itself when nothing needs it", async () => {
  await using bench = await createBench();
  await ensureDaemon(bench.context);
  await untilDaemonIsGone(bench.context);
  assert.equal(await findDaemon(bench.store), undefined);
});

Deno.test("ensureDaemon() replaces a daemon of another version", async () => {
  await using bench = await createBench();
  const old = await ensureDaemon(bench.context);
  const script = join(bench.context.paths.home, "newer.ts");
  const main = bench.context.self.at(-1) ?? "";
  // The same program under another version.
  await Deno.writeTextFile(
    script,
    (await Deno.readTextFile(main))
      .replaceAll('"../../', `"${new URL("../../", `file://${main}`).pathname}`)
      .replaceAll('"./', `"${new URL("./", `file://${main}`).pathname}`)
      .replace("runDaemon({ ...context,", 'runDaemon({ ...context, version: "9.9.9",'),
  );
  const self = [...bench.context.self.slice(0, -1), script];
  const newer = await ensureDaemon({ ...bench.context, version: "9.9.9", self });
  assert.equal(newer.version, "9.9.9");
  assert.notEqual(newer.pid, old.pid);
});

Deno.test("ensureDaemon() says why the daemon cannot start", async () => {
  await using bench = await createBench();
  const self = ["sh", "-c", "echo out of luck >&2; exit 3"];
  await assert.rejects(ensureDaemon({ ...bench.context, self }), (error: unknown) => {
    assert(error instanceof Error && "hint" in error);
    assert.match(error.message, /Cannot start daemon/);
    assert.match(String(error.hint), /out of luck/);
    return true;
  });
});

Deno.test("a run that was handed over keeps output and exit code", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  const { name } = run.spec;
  await writeOutput(bench.engine, name, "one\n");
  await handOver(run, bench.context);
  assert.equal(await isOwned(run.files), true);
  await writeOutput(bench.engine, name, "two\n");
  await endCommand(bench.engine, name, 7);
  const record = await bench.ended(run);
  assert.deepEqual([record.state, record.exitCode, record.owner], ["stopped", 7, "daemon"]);
  assert.equal(await bench.log(run), "one\ntwo\n");
  assert.deepEqual(engineObjects(bench.engine), []);
});

Deno.test("handOver() does not repeat what the CLI had logged", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  const { name } = run.spec;
  await writeOutput(bench.engine, name, "seen\nnew\n");
  await handOver(run, bench.context, { logged: { stdout: 5, stderr: 0, tty: 0 } });
  await endCommand(bench.engine, name);
  await bench.ended(run);
  assert.equal(await bench.log(run), "new\n");
});

Deno.test("a killed daemon is started again and goes on where it was", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  const { name } = run.spec;
  await handOver(run, bench.context);
  await writeOutput(bench.engine, name, "before\n");
  await until("the output", async () => (await bench.log(run)) === "before\n");
  const first = await findDaemon(bench.store);
  assert(first !== undefined);
  Deno.kill(first.pid, "SIGKILL");
  await writeOutput(bench.engine, name, "between\n");
  const second = await until("another daemon", async () => {
    const found = await findDaemon(bench.store);
    return found?.pid !== first.pid && found;
  });
  assert.notEqual(second.pid, first.pid);
  await endCommand(bench.engine, name, 5);
  const record = await bench.ended(run);
  assert.equal(record.exitCode, 5);
  assert.equal(await bench.log(run), "before\nbetween\n");
});

Deno.test("a daemon that leaves lets its runs go on", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  await handOver(run, bench.context);
  await (await findDaemon(bench.store))?.leave();
  await untilDaemonIsGone(bench.context);
  assert.equal(bench.store.getRun(run.record.id)?.state, "running");
  assert.equal(await isOwned(run.files), false);
  const daemon = await ensureDaemon(bench.context);
  await until("adoption", () => isOwned(run.files));
  assert.equal((await findDaemon(bench.store))?.pid, daemon.pid);
  await endCommand(bench.engine, run.spec.name);
  assert.equal((await bench.ended(run)).exitCode, 0);
});

Deno.test("stopRun() stops a detached run through the daemon", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  await handOver(run, bench.context);
  const record = await stopRun(bench.context, run.record, { store: bench.store, graceMs: 0 });
  assert.deepEqual([record?.state, record?.reason], ["stopped", "stopped"]);
  assert.deepEqual(engineObjects(bench.engine), []);
});

Deno.test("the daemon ends a detached run at its time limit", async () => {
  await using bench = await createBench();
  const run = await bench.start({ timeoutMs: 50 });
  await handOver(run, bench.context);
  const record = await bench.ended(run);
  assert.deepEqual([record.exitCode, record.reason], [124, "timed out after 0.05s"]);
});

Deno.test("the daemon adopts a run whose CLI died after the hand-over was recorded", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  bench.store.update(run.record.id, { owner: "daemon", detached: true });
  await run.ownership[Symbol.asyncDispose]();
  await ensureDaemon(bench.context);
  await endCommand(bench.engine, run.spec.name, 4);
  assert.equal((await bench.ended(run)).exitCode, 4);
});

Deno.test("the daemon fails a run whose container is gone", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  await run.runtime.remove({ kind: "container", name: run.spec.name });
  await handOver(run, bench.context);
  const record = await bench.ended(run);
  assert.deepEqual([record.state, record.reason], ["failed", "its container is gone"]);
});

Deno.test("reapDeadRuns() starts the daemon for runs that wait for it", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  bench.store.update(run.record.id, { owner: "daemon", detached: true });
  await run.ownership[Symbol.asyncDispose]();
  const { runs, failures } = await reapDeadRuns(bench.context, bench.store);
  assert.deepEqual([runs, failures], [[], []]);
  await endCommand(bench.engine, run.spec.name, 6);
  assert.equal((await bench.ended(run)).exitCode, 6);
});

Deno.test("reapRun() leaves a run alone that waits for the daemon", async () => {
  await using bench = await createBench();
  const run = await bench.start();
  bench.store.update(run.record.id, { owner: "daemon", detached: true });
  await run.ownership[Symbol.asyncDispose]();
  const { context, store } = bench;
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  assert.equal(await reapRun(run.record, context, { store, runtimes }), false);
  assert.equal(store.getRun(run.record.id)?.state, "running");
});
