import assert from "node:assert/strict";
import { join } from "node:path";
import type { RuntimePlugin } from "../plugin/contract.ts";
import { program } from "../../tests/contracts/programs.ts";
import { captureContext, type CaptureOptions } from "../../tests/helpers/captured_context.ts";
import { FakeRuntime } from "../../tests/helpers/fake_runtime.ts";
import { runCli } from "./run_cli.ts";

/** A home, a project, and the runtime in memory. */
class Scratch implements AsyncDisposable {
  readonly runtime = new FakeRuntime();
  readonly plugin: RuntimePlugin;
  private constructor(readonly directory: string) {
    this.plugin = {
      kind: "runtime",
      id: "fake",
      summary: "In memory",
      probe: () =>
        Promise.resolve({
          kind: "available",
          facts: {
            id: "fake",
            target: "fake:",
            description: "In memory",
            arch: "amd64",
            isolations: ["container"],
            defaultIsolation: "container",
            abilities: ["images", "networks", "volumes"],
            shiftedIds: false,
            workspace: "/workspace",
            notices: [],
            usesHostTools: false,
          },
        }),
      // The same engine each time: closing a connection to it ends nothing.
      open: () => Promise.resolve(withoutClosing(this.runtime)),
    };
  }

  static async create(): Promise<Scratch> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "moat-cli-" }));
    await Deno.mkdir(join(directory, "project"));
    return new Scratch(directory);
  }

  async moat(
    args: readonly string[],
    options: Partial<CaptureOptions> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { context, stdout, stderr } = captureContext({
      env: { HOME: this.directory, MOAT_HOME: join(this.directory, "home") },
      cwd: join(this.directory, "project"),
      plugins: [this.plugin],
      ...options,
    });
    const code = await runCli(args, context);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(join(this.directory, "project", name), text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.directory, { recursive: true });
  }
}

function withoutClosing(runtime: FakeRuntime): FakeRuntime {
  return new Proxy(runtime, {
    get(target, key) {
      if (key === Symbol.asyncDispose) return () => Promise.resolve();
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("moat run gives the command's output and exit code, and records both", async () => {
  await using scratch = await Scratch.create();
  const ran = await scratch.moat([
    "run",
    "-q",
    "--name",
    "app",
    "--",
    ...program("print", "o", "e"),
  ]);
  assert.deepEqual([ran.code, ran.stdout], [0, "o"]);
  assert.match(ran.stderr, /e$/);
  assert.equal((await scratch.moat(["run", "-q", "--", ...program("exit", 7)])).code, 7);
  const logs = await scratch.moat(["logs", "app"]);
  assert.deepEqual([logs.stdout, logs.stderr], ["o", "e"]);
  const [last, first] = JSON.parse((await scratch.moat(["list", "--json"])).stdout);
  assert.deepEqual([first.name, first.state, first.exitCode], ["app", "stopped", 0]);
  assert.equal(last.exitCode, 7);
  assert.equal((await scratch.moat(["wait", last.id])).code, 7);
});

Deno.test("moat run forwards standard input to its end", async () => {
  await using scratch = await Scratch.create();
  const { stdout } = await scratch.moat(["run", "--", ...program("copy")], { input: "x\n" });
  assert.equal(stdout, "x\n");
});

Deno.test("moat run --timeout ends the command with 124", async () => {
  await using scratch = await Scratch.create();
  const idle = ["--", ...program("idle")];
  assert.equal((await scratch.moat(["run", "--timeout", "1ms", ...idle])).code, 124);
  const [run] = JSON.parse((await scratch.moat(["list", "--json"])).stdout);
  assert.deepEqual([run.exitCode, run.reason], [124, "timed out after 0.001s"]);
  assert.equal((await scratch.moat(["wait"])).code, 124);
});

Deno.test("moat plan and --dry-run create nothing and print the same", async () => {
  await using scratch = await Scratch.create();
  const args = ["--name", "app", "-e", "TOKEN=hidden", "--port", "web=3000", "--", "true"];
  const plan = await scratch.moat(["plan", ...args]);
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /^Endpoint +web :3000$/m);
  assert.match(plan.stdout, /TOKEN=\*\*\*/);
  assert.doesNotMatch(plan.stdout, /hidden/);
  const same = (text: string) => text.replaceAll(/run_[0-9a-f]{12}/g, "run_");
  const dry = await scratch.moat(["run", "--dry-run", ...args]);
  assert.equal(same(dry.stdout), same(plan.stdout));
  assert.equal(JSON.parse((await scratch.moat(["plan", "--json", ...args])).stdout).name, "app");
  assert.deepEqual(scratch.runtime.calls, []);
  await assert.rejects(Deno.stat(join(scratch.directory, "home")), Deno.errors.NotFound);
});

Deno.test("moat run refuses a project that asks for more than was accepted", async () => {
  await using scratch = await Scratch.create();
  await scratch.write("moat.yaml", 'mounts: ["/etc:/outside:ro"]\n');
  const args = ["--", ...program("print", "ran", "")];
  const refused = await scratch.moat(["run", ...args]);
  assert.deepEqual([refused.code, refused.stdout], [125, ""]);
  assert.match(refused.stderr, /mounts: \/etc:\/outside/);
  assert.match(refused.stderr, /--trust/);
  assert.deepEqual(scratch.runtime.calls, []);
  const answered = await scratch.moat(["run", ...args], { terminal: true, input: "n\n" });
  assert.equal(answered.code, 125);
  assert.match(answered.stderr, /\[y\/N\]/);
  assert.equal((await scratch.moat(["run", "--trust", ...args])).stdout, "ran");
  assert.equal((await scratch.moat(["run", ...args])).stdout, "ran");
});

Deno.test("moat run keeps the acceptance that was typed at the question", async () => {
  await using scratch = await Scratch.create();
  await scratch.write("moat.yaml", 'mounts: ["/etc:/outside:ro"]\n');
  const args = ["run", "--", ...program("print", "ran", "")];
  const terminal = await scratch.moat(args, { input: "y\n", terminal: true });
  assert.match(terminal.stderr, /\/etc/);
  assert.equal((await scratch.moat(args)).stdout, "ran");
});

Deno.test("moat destroy removes record and logs of the newest run here, and names it", async () => {
  await using scratch = await Scratch.create();
  await scratch.moat(["run", "-q", "--name", "app", "--", ...program("exit", 0)]);
  const { code, stderr } = await scratch.moat(["destroy"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Run "app" \(run_[0-9a-f]{12}\)$/m);
  assert.equal((await scratch.moat(["list", "-a", "--json"])).stdout, "[]\n");
  assert.equal((await scratch.moat(["logs", "app"])).code, 2);
});

Deno.test("moat clean asks, and has nothing to do after an ordinary run", async () => {
  await using scratch = await Scratch.create();
  await scratch.moat(["run", "-q", "--name", "app", "--", ...program("exit", 0)]);
  assert.match((await scratch.moat(["clean"])).stderr, /Nothing to clean/);
  const refused = await scratch.moat(["clean", "--records"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /hint: moat clean --force/);
  assert.equal((await scratch.moat(["clean", "--records", "--force"])).code, 0);
  assert.equal((await scratch.moat(["list", "-a", "--json"])).stdout, "[]\n");
});

Deno.test("moat clean removes a kept container and keeps the record", async () => {
  await using scratch = await Scratch.create();
  await scratch.moat(["run", "-q", "--keep", "--name", "app", "--", ...program("exit", 0)]);
  const dry = await scratch.moat(["clean", "--dry-run"]);
  assert.match(dry.stderr, /container moat-run_/);
  assert.equal((await scratch.moat(["clean", "--force"])).code, 0);
  assert.match((await scratch.moat(["clean"])).stderr, /Nothing to clean/);
  assert.equal(JSON.parse((await scratch.moat(["list", "--json"])).stdout).length, 1);
});

Deno.test("moat exec and attach refuse a run that has ended, and say what it is", async () => {
  await using scratch = await Scratch.create();
  await scratch.moat(["run", "-q", "--name", "app", "--", ...program("exit", 0)]);
  const exec = await scratch.moat(["exec", "app", "ls"]);
  assert.deepEqual([exec.code, /it is stopped/.test(exec.stderr)], [125, true]);
  const attach = await scratch.moat(["attach", "app"]);
  assert.deepEqual([attach.code, /it is stopped/.test(attach.stderr)], [125, true]);
});
