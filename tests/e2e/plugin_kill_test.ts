import assert from "node:assert/strict";
import { join } from "node:path";
import { delay } from "../../core/delay.ts";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { packPlugin, serveIndex } from "../helpers/plugin_index.ts";

/** Moments of one command at which it is killed, as parts of its whole time. */
const MOMENTS = [0.4, 0.6, 0.8, 0.95];

/** What a project has of the plugin: its version, or nothing. */
type Has = string | undefined;

/** A command with what the project has before and after it. */
interface Step {
  readonly args: readonly string[];
  readonly before: Has;
  readonly after: Has;
}

const STEPS: readonly Step[] = [
  { args: ["add", "hello@0.1.0", "--yes"], before: undefined, after: "0.1.0" },
  { args: ["update", "--yes"], before: "0.1.0", after: "0.2.0" },
  { args: ["rollback", "hello"], before: "0.2.0", after: "0.1.0" },
  // Its files are taken away before: see `prepare()`.
  { args: ["install", "--yes"], before: undefined, after: "0.1.0" },
  { args: ["remove", "hello"], before: "0.1.0", after: undefined },
];

Deno.test({
  name: "kill -9 at any moment of a command leaves the old plugin or the new one",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    await using index = await serveIndex();
    await home.ok(["plugin", "create", "hello"]);
    const source = join(home.project, "hello");
    const archive = (version: string) =>
      packPlugin(source, (text) => text.replace("0.1.0", version));
    index.plugins = {
      hello: [
        { version: "0.2.0", archive: await archive("0.2.0") },
        { version: "0.1.0", archive: await archive("0.1.0") },
      ],
    };
    await Deno.mkdir(home.home, { mode: 0o700 });
    await Deno.writeTextFile(
      join(home.home, "config.yaml"),
      `registries: ["${index.location}"]\n`,
    );
    const before = performance.now();
    await home.ok(["plugin", "search", "hello"]);
    const whole = (performance.now() - before) * 1.3;
    let interrupted = 0;
    for (const moment of MOMENTS) {
      for (const step of STEPS) {
        await prepare(home, step);
        if (await killAt(home, ["plugin", ...step.args], whole * moment)) interrupted++;
        const has = await usable(home);
        const after = `after ${step.args[0]} was killed: ${has}`;
        assert(has === step.before || has === step.after, after);
        // The same once more brings it about.
        if (has !== step.after) await home.ok(["plugin", ...step.args]);
        assert.equal(await usable(home), step.after, `after ${step.args[0]}`);
      }
    }
    assert(interrupted > 0, "nothing was interrupted");
  },
});

/** Another machine has the project and not the files. */
async function prepare(home: TestHome, { args }: Step): Promise<void> {
  if (args[0] !== "install") return;
  await Deno.remove(join(home.home, "store/plugins"), { recursive: true });
}

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

/** The version that a run would use; `undefined`: none is there, or none is asked for. */
async function usable(home: TestHome): Promise<Has> {
  const plugins: readonly { version: string; state: string }[] = JSON.parse(
    await home.ok(["plugin", "list", "--json"]),
  );
  assert(plugins.length <= 1);
  const [plugin] = plugins;
  if (plugin === undefined || plugin.state === "not installed") return undefined;
  assert.equal(plugin.state, "ok");
  return plugin.version;
}
