import assert from "node:assert/strict";
import { join } from "node:path";
import { delay } from "../../core/delay.ts";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";

/** Moments of one command at which it is killed. */
const MOMENTS = 4;

Deno.test({
  name: "kill -9 at any moment of an installation leaves the old plugin or the new one",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    await home.ok(["plugin", "create", "my-tool"]);
    const before = performance.now();
    await home.ok(["plugin", "add", "./my-tool", "--yes"]);
    const whole = performance.now() - before;
    await home.ok(["plugin", "remove", "my-tool"]);
    let interrupted = 0;
    let version = 1;
    for (let moment = 1; moment <= MOMENTS; moment++) {
      const add = ["plugin", "add", "./my-tool", "--yes"];
      if (await killAt(home, add, whole * moment / MOMENTS)) interrupted++;
      const added = await usable(home);
      assert(added === undefined || added === `0.${version}.0`, `after add: ${added}`);
      await home.ok(add);
      const next = `0.${version + 1}.0`;
      await publish(home, next);
      const update = ["plugin", "update", "--yes"];
      if (await killAt(home, update, whole * moment / MOMENTS)) interrupted++;
      const updated = await usable(home);
      assert(updated === `0.${version}.0` || updated === next, `after update: ${updated}`);
      await home.ok(update);
      assert.equal(await usable(home), next);
      version++;
      await home.ok(["plugin", "remove", "my-tool"]);
    }
    assert(interrupted > 0, "nothing was interrupted");
  },
});

/** Whether the kill came before the command's own end. */
async function killAt(home: TestHome, args: readonly string[], ms: number): Promise<boolean> {
  const child = home.spawn(args);
  await child.stdin.close();
  const output = Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  await delay(ms);
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
  await output;
  return (await child.status).signal === "SIGKILL";
}

/** The version that a run would use; `undefined`: none is asked for. */
async function usable(home: TestHome): Promise<string | undefined> {
  await home.ok(["plugin", "verify"]);
  const [plugin] = JSON.parse(await home.ok(["plugin", "list", "--json"]));
  return plugin?.version;
}

/** Gives the source of the plugin another version. */
async function publish(home: TestHome, version: string): Promise<void> {
  const file = join(home.project, "my-tool/moat-plugin.yaml");
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(/version: "[^"]*"/, `version: "${version}"`));
}
