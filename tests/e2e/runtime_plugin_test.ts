import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { writePlainPlugin } from "../helpers/plain_plugin.ts";
import { kill9, processesOf } from "../helpers/processes.ts";
import { until } from "../helpers/until.ts";

const needs = requires("linux", "python");

Deno.test({
  name: "a runtime from elsewhere is shown and accepted, and runs are its containers",
  ...needs,
  async fn() {
    await using home = await TestHome.create();
    await writePlainPlugin(join(home.project, "plain"));
    const refused = await home.moat(["plugin", "add", "./plain"]);
    assert.match(refused.stderr, /outside of any sandbox; says that it starts python3, sh/);
    assert.match(refused.stderr, /nobody can be asked/);
    assert.match(await unknown(home), /Cannot find runtime "plain": it is not installed/);
    await home.ok(["plugin", "add", "./plain", "--yes"]);
    assert.match(await home.ok(["plugin", "info", "plain"]), /plain 1\.0\.0 \(runtime\)/);
    assert.equal(
      (await home.ok(["run", "--runtime", "plain", "--", "sh", "-c", "echo hi; pwd"])).split(
        "\n",
      )[0],
      "hi",
    );
    const failed = await home.moat(["run", "--", "sh", "-c", "cat; exit 7"], {
      env: { MOAT_RUNTIME: "plain" },
      input: "typed",
    });
    assert.deepEqual([failed.code, failed.stdout], [7, "typed"]);
    for (const command of ["status", "doctor"]) {
      assert.match(await home.ok([command], { env: { MOAT_RUNTIME: "plain" } }), /plain/);
    }
    await home.write("moat.yaml", "plugins: [./plain]\nruntime: plain\n");
    const untrusted = await home.moat(["run", "--", "echo", "never"]);
    assert.deepEqual([untrusted.stdout, untrusted.code === 0], ["", false]);
    assert.match(untrusted.stderr, /trust/);
    assert.equal(
      await home.ok(["run", "--trust", "--", "echo", "from the file"]),
      "from the file\n",
    );
    assert.deepEqual(await left(home), []);
  },
});

Deno.test({
  name: "a detached run of a runtime from elsewhere: logs, exec and stop, in any directory",
  ...needs,
  async fn() {
    await using home = await prepared();
    const script = "trap 'echo ended; exit 4' TERM; echo ready; while :; do sleep 0.05; done";
    const id = (await home.ok(["run", "--runtime", "plain", "-d", "--", "sh", "-c", script]))
      .trim();
    await home.ok(["plugin", "remove", "plain"]);
    const elsewhere = { cwd: home.directory };
    await until(
      "it is ready",
      async () => (await home.ok(["logs", id], elsewhere)).includes("ready"),
    );
    assert.equal(await home.ok(["exec", id, "--", "echo", "beside"], elsewhere), "beside\n");
    // The daemon starts it again, and the run goes on.
    const executables = (await processesOf([home.home])).filter(({ argv }) =>
      argv.some((word) => word.endsWith("/plain.py"))
    );
    assert.equal(executables.length, 1);
    for (const { pid } of executables) kill9(pid);
    await home.ok(["stop", id], elsewhere);
    assert.match(await home.ok(["logs", id], elsewhere), /ready\nended\n/);
    await home.ok(["destroy", id], elsewhere);
    assert.deepEqual(await left(home), []);
  },
});

const FAULTS: readonly (readonly [string, RegExp])[] = [
  ["hello=version", /Cannot use plugin "plain": it speaks protocol 2, this is 1/],
  ["create=crash", /Cannot use plugin "plain": it ended with code 3: it broke/],
  ["start=flood", /Cannot use plugin "plain": it does not answer as it must/],
  ["wait=crash", /Cannot use plugin "plain": it ended with code 3: it broke/],
];

for (const [fault, message] of FAULTS) {
  Deno.test({
    name: `a runtime from elsewhere that fails (${fault}) ends with an error that names it`,
    ...needs,
    async fn() {
      await using home = await prepared();
      const { code, stdout, stderr } = await home.moat(
        ["run", "--runtime", "plain", "--", "sh", "-c", "exec sleep 1000"],
        { env: { PLAIN_FAULT: fault } },
      );
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [125, ""]);
      const [record] = JSON.parse(await home.ok(["list", "--all", "--json"]));
      if (record !== undefined) await home.ok(["destroy", "-f", record.id]);
      assert.deepEqual(await left(home), []);
      assert.deepEqual(await processesOf([home.home]), []);
    },
  });
}

Deno.test({
  name:
    "a runtime from elsewhere that hangs is left by an interruption, and its run can be removed",
  ...needs,
  async fn() {
    await using home = await prepared();
    const child = home.spawn(["run", "--runtime", "plain", "--", "true"], {
      env: { PLAIN_FAULT: "create=hang" },
    });
    await until("it starts", async () => (await home.ok(["list", "--json"])).includes("starting"));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    assert.match(new TextDecoder().decode(stderr), /plugin "plain"|interrupted/i);
    assert.notEqual(code, 0);
    const [record] = JSON.parse(await home.ok(["list", "--all", "--json"]));
    await home.ok(["destroy", "-f", record.id]);
    assert.deepEqual(await left(home), []);
  },
});

Deno.test({
  name: "files of a runtime that were changed are not started",
  ...needs,
  async fn() {
    await using home = await prepared();
    const store = join(home.home, "store/plugins");
    const [{ name = "" } = {}] = await Array.fromAsync(Deno.readDir(store));
    await Deno.writeTextFile(join(store, name, "plain.py"), "#!/bin/sh\necho run >&2\n");
    const { code, stderr } = await home.moat(["run", "--runtime", "plain", "--", "true"]);
    assert.equal(code, 125);
    assert.match(stderr, /its installed files were changed/);
  },
});

Deno.test({
  name: "skeletons of every kind pass the checks",
  ...needs,
  async fn() {
    await using home = await TestHome.create();
    for (const kind of ["dependency", "runtime", "provider"]) {
      await home.ok(["plugin", "create", `my-${kind}`, "--kind", kind]);
      assert.match(await home.ok(["plugin", "test", `my-${kind}`]), / passed, 0 failed\n$/);
    }
  },
});

Deno.test({
  name: "the checks run a runtime's containers, and notice a call that fails",
  ...needs,
  async fn() {
    await using home = await TestHome.create();
    await writePlainPlugin(join(home.project, "plain"));
    assert.match(await home.ok(["plugin", "test", "plain"]), /11 passed, 0 failed\n$/);
    for (const fault of ["create=crash", "open=garbage", "wait=crash"]) {
      const { code, stdout } = await home.moat(["plugin", "test", "plain"], {
        env: { PLAIN_FAULT: fault },
      });
      assert.equal(code, 1);
      assert.match(stdout, /FAILED .*Cannot use plugin "plain"/);
    }
    assert.deepEqual(await left(home), []);
  },
});

Deno.test({
  name: "a provider from elsewhere is added, locked, installed frozen, shown and removed",
  ...needs,
  async fn() {
    await using home = await TestHome.create();
    const example = join(import.meta.dirname ?? ".", "../../examples/plugins/huggingface");
    const added = JSON.parse(await home.ok(["plugin", "add", example, "--yes", "--json"]));
    assert.deepEqual([added.kind, added.id, added.entry], ["provider", "huggingface", null]);
    assert.equal(
      await Deno.readTextFile(join(home.project, "moat.yaml")),
      `plugins:\n  - ${example}\n`,
    );
    await home.ok(["plugin", "install", "--frozen"]);
    const [listed] = JSON.parse(await home.ok(["plugin", "list", "--json"]));
    assert.deepEqual([listed.kind, listed.state], ["provider", "ok"]);
    assert.match(
      await home.ok(["plugin", "info", "huggingface"]),
      /read the credential in HF_TOKEN/,
    );
    await home.ok(["plan", "--runtime", "local"]);
    await home.ok(["plugin", "remove", "huggingface"]);
    assert.deepEqual(JSON.parse(await home.ok(["plugin", "list", "--json"])), []);
  },
});

/** A project that uses the plugin. */
async function prepared(): Promise<TestHome> {
  const home = await TestHome.create();
  await writePlainPlugin(join(home.project, "plain"));
  await home.ok(["plugin", "add", "./plain", "--yes"]);
  return home;
}

async function unknown(home: TestHome): Promise<string> {
  return (await home.moat(["run", "--runtime", "plain", "--", "true"])).stderr;
}

/** Containers of the plugin that are left. */
async function left(home: TestHome): Promise<readonly string[]> {
  const state = join(home.home, "store/plugin-runtimes/plain");
  try {
    return (await Array.fromAsync(Deno.readDir(state))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
