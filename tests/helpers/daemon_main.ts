/**
 * A program that can only do what the daemon's tests need: `_daemon`; `start <directory> <id>`,
 * which owns a run on the directory runtime until it ends; `publish <directory> <count>`, which owns
 * so many with an endpoint, ends every second one, and goes on until its standard input ends.
 *
 * @module
 */

import { publishEndpoints, withdrawEndpoints } from "../../core/cli/publish_endpoints.ts";
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

if (command === "publish") {
  const runtime = await openDirectoryRuntime(directory);
  const store = Store.open(context.paths);
  const { paths, signal } = context;
  const publish = (runId: string, signal: AbortSignal) =>
    publishEndpoints(runId, context, { homeConfig: {}, signal, notice: () => {} });
  for (let n = 0; n < Number(id); n++) {
    const base = testPlan({ endpoints: [{ name: "web", port: 9 }] });
    const plan = { ...base, runtime: { ...base.runtime, target: directory } };
    const run = await executePlan({ plan, request: { secrets: new Map() } }, {
      store,
      paths,
      runtime,
      signal,
      publish,
    });
    const ends = n % 2 === 1;
    if (ends) {
      await finishRun(run, { status: { code: 0, oomKilled: false } });
      await withdrawEndpoints(store);
    }
    print(Deno.stdout, `${ends ? "ended" : "live"} ${plan.id}\n`);
  }
  print(Deno.stdout, "done\n");
  while (await Deno.stdin.read(new Uint8Array(1)) !== null);
  Deno.exit(0);
}

function print(stream: typeof Deno.stdout | typeof Deno.stderr, text: string | Uint8Array): void {
  stream.writeSync(typeof text === "string" ? new TextEncoder().encode(text) : text);
}
