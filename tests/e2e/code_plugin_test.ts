import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";

const MANIFEST = `schema: 1
kind: dependency
id: hello
version: "1.0.0"
summary: Says hello
category: tool
commands: [sh]
entry: plugin.js
contract: 1
`;

const PLUGIN = `export async function contribute(entry, target) {
  console.log("this goes nowhere");
  return { apt: ["hello"], env: { HELLO: entry.id + "-" + target.arch } };
}`;

Deno.test({
  name: "the example plugins pass the contract's checks",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    const examples = join(import.meta.dirname ?? ".", "../../examples/plugins");
    for await (const { name } of Deno.readDir(examples)) {
      // It needs an engine: see podman_plugin_test.ts.
      if (name === "podman") continue;
      assert.match(await home.ok(["plugin", "test", join(examples, name)]), / passed, 0 failed\n$/);
    }
  },
});

Deno.test({
  name: "code of a plugin is shown, accepted, asked once for each question, and its answer used",
  ...requires("linux", "docker"),
  async fn() {
    await using home = await TestHome.create({ MOAT_RUNTIME: "docker", MOAT_NO_SANDBOX: "1" });
    await writePlugin(home, { manifest: MANIFEST, module: PLUGIN });
    const refused = await home.moat(["plugin", "add", "./hello"]);
    assert.match(refused.stderr, /runs code on this machine, in a sandbox without a network/);
    await home.ok(["plugin", "add", "./hello", "--yes"]);
    const first = await home.ok(["plan", "--json"]);
    assert.match(JSON.parse(first).image.dockerfile, /HELLO="?hello-(?:amd64|arm64)/);
    const answers = join(home.home, "store/plugin-answers");
    const [digest = ""] = await names(answers);
    const [key = ""] = await names(join(answers, digest));
    const kept = join(answers, digest, key);
    await Deno.writeTextFile(
      kept,
      (await Deno.readTextFile(kept)).replaceAll("hello-", "kept-"),
    );
    assert.match(JSON.parse(await home.ok(["plan", "--json"])).image.dockerfile, /HELLO="?kept-/);
    // What is kept is checked, too.
    await Deno.writeTextFile(kept, `{ "apt": ["a; b"] }`);
    const spoilt = await home.moat(["plan"]);
    assert.match(spoilt.stderr, /Cannot use what plugin "hello" answers: "apt\.0" is not/);
  },
});

Deno.test({
  name:
    "a plugin that is code gets what its manifest declares, and an update that wants more says so",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create({ GREETING: "good morning", OTHER: "not for it" });
    const seen = join(home.directory, "seen.txt");
    await Deno.writeTextFile(seen, "what it may read");
    const module = `export function contribute() {
      const get = (name) => { try { return Deno.env.get(name); } catch (error) { return error.name; } };
      const read = () => { try { return Deno.readTextFileSync("${seen}"); } catch (error) { return error.name; } };
      throw new Error([get("GREETING"), get("OTHER"), read()].join("; "));
    }`;
    await writePlugin(home, { manifest: MANIFEST, module });
    await home.ok(["plugin", "add", "./hello", "--yes"]);
    const plan = ["plan", "--runtime", "local"];
    assert.match((await home.moat(plan)).stderr, /: NotCapable; NotCapable; NotCapable$/m);
    const more = `permissions: { read: ["${seen}"], env: [GREETING] }\n`;
    await writePlugin(home, { manifest: MANIFEST + more, module });
    const update = await home.moat(["plugin", "update", "--yes"]);
    assert.match(update.stderr, /^May .*reads .*seen\.txt; gets the variables GREETING$/m);
    assert.match(update.stderr, /^Before .*without a network$/m);
    const after = await home.moat(plan);
    assert.match(after.stderr, /: good morning; NotCapable; what it may read$/m);
  },
});

Deno.test({
  name: "code that was not accepted here does not run, and none where no sandbox works",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    await writePlugin(home, { manifest: MANIFEST, module: PLUGIN });
    await home.ok(["plugin", "add", "./hello", "--yes"]);
    const without = await home.moat(["plan"], {
      env: { MOAT_LOCAL_BACKEND: "bubblewrap", PATH: "/nowhere" },
    });
    assert.match(
      without.stderr,
      /Cannot use plugin "hello": it is code, and no sandbox for it works/,
    );
    // The files of another home, without its acceptance.
    await using other = await TestHome.create();
    await Deno.mkdir(join(other.home, "store/plugins"), { recursive: true });
    const [digest = ""] = await names(join(home.home, "store/plugins"));
    await Deno.rename(
      join(home.home, "store/plugins", digest),
      join(other.home, "store/plugins", digest),
    );
    const plan = await other.moat(["plan"], { cwd: home.project });
    assert.match(plan.stderr, /Cannot use plugin "hello": it is code that you did not accept/);
  },
});

async function writePlugin(
  home: TestHome,
  { manifest, module }: { readonly manifest: string; readonly module: string },
): Promise<void> {
  await Deno.mkdir(join(home.project, "hello"), { recursive: true });
  await home.write("hello/moat-plugin.yaml", manifest);
  await home.write("hello/plugin.js", module);
}

async function names(directory: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}
