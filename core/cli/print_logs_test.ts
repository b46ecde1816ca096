import assert from "node:assert/strict";
import { captureContext } from "../../tests/helpers/captured_context.ts";
import { createTestHome, testRecord } from "../../tests/helpers/test_home.ts";
import { openLogWriter } from "../store/log_writer.ts";
import { runPaths } from "../store/paths.ts";
import { Store } from "../store/store.ts";
import { printLogs } from "./print_logs.ts";

const encoder = new TextEncoder();

Deno.test("printLogs() follows a live run while its owner changes", async () => {
  await using home = await createTestHome();
  using store = Store.open(home.paths);
  const record = testRecord({ state: "running", detached: true, owner: "daemon" });
  store.insertRun(record);
  await using log = await openLogWriter(runPaths(home.paths, record.id));
  await log.write({ stream: "stdout", data: encoder.encode("first\n") });
  const { context, stdout } = captureContext({
    env: { MOAT_HOME: home.paths.home },
    cwd: home.directory,
  });
  const firstSeen = Promise.withResolvers<void>();
  const output = async (data: Uint8Array | string) => {
    await context.stdio.output(data);
    firstSeen.resolve();
  };
  const stdio = { ...context.stdio, output };
  const printing = printLogs({ store, record }, { ...context, stdio }, {
    timestamps: false,
    follow: true,
  });
  await firstSeen.promise;
  const ended = await Promise.race([printing.then(() => true), secondLook()]);
  assert.ok(!ended, "it ended before the run did");
  await log.write({ stream: "stdout", data: encoder.encode("second\n") });
  store.transition(record.id, { from: "running", to: "failed" });
  await printing;
  assert.equal(stdout(), "first\nsecond\n");
});

/** Long enough for a follower to look for more at least once. */
function secondLook(): Promise<boolean> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 250));
}
