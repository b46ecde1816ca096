/**
 * A program that can only do what the daemon's tests need: `_daemon`, and `start <directory> <id>`,
 * which owns a run on the directory runtime until it ends.
 *
 * @module
 */

import { runDaemon } from "../../core/daemon/run_daemon.ts";
import { isRunId } from "../../core/ids.ts";
import { executePlan } from "../../core/run/execute.ts";
import { finishRun } from "../../core/run/finish.ts";
import { Store } from "../../core/store/store.ts";
import { resolvePaths } from "../../core/store/paths.ts";
import { openDirectoryRuntime } from "./directory_runtime.ts";
import { testContext } from "./test_context.ts";
import { testPlan } from "./test_home.ts";

const [command = "", directory = "", id = ""] = Deno.args;
const context = testContext(resolvePaths(Deno.env.toObject()));

if (command === "_daemon") {
  const leaving = new AbortController();
  Deno.addSignalListener("SIGTERM", () => leaving.abort());
  const stdio = {
    ...context.stdio,
    error: (text: string | Uint8Array) => print(Deno.stderr, text),
  };
  Deno.exit(
    await runDaemon({ ...context, stdio, signal: leaving.signal }, { idleMs: 300, tickMs: 50 }),
  );
}

if (command === "start" && isRunId(id)) {
  const runtime = await openDirectoryRuntime(directory);
  const base = testPlan({ id });
  const plan = { ...base, runtime: { ...base.runtime, target: directory } };
  const store = Store.open(context.paths);
  const { paths, signal } = context;
  const run = await executePlan({ plan, request: { secrets: new Map() } }, {
    store,
    paths,
    runtime,
    signal,
    fault: (step, moment) => print(Deno.stdout, `${step} ${moment}\n`),
  });
  print(Deno.stdout, "started\n");
  const status = await runtime.wait(run.spec.name);
  await finishRun(run, { status });
}

function print(stream: typeof Deno.stdout | typeof Deno.stderr, text: string | Uint8Array): void {
  stream.writeSync(typeof text === "string" ? new TextEncoder().encode(text) : text);
}
