import assert from "node:assert/strict";
import type { Attachment, ContainerSpec, Runtime } from "../../core/plugin/runtime.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { openSeatbeltRuntime } from "./seatbelt_runtime.ts";

const HOME_ID = "home-of-the-test";

/** Takes `sandbox-exec`'s options away and runs the rest: there is no Seatbelt on Linux. */
const FAKE = `#!/bin/sh
while true; do case $1 in -D) shift 2 ;; -p) shift 2; break ;; *) exit 64 ;; esac; done
exec "$@"
`;

interface Bench extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly project: string;
  spec(overrides: Partial<ContainerSpec>): ContainerSpec;
}

async function bench(): Promise<Bench> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  const project = `${directory}/it's a "project"`;
  await Deno.mkdir(project);
  const program = `${directory}/sandbox-exec`;
  await Deno.writeTextFile(program, FAKE, { mode: 0o755 });
  const runtime = openSeatbeltRuntime({ stateDir: `${directory}/state` }, { program });
  return {
    runtime,
    project,
    spec: (overrides) => ({
      name: "moat-run_0123456789ab",
      runId: "run_0123456789ab",
      labels: { "moat.home": HOME_ID, "moat.run-id": "run_0123456789ab", "moat.role": "run" },
      image: undefined,
      isolation: "namespaces",
      command: ["true"],
      workdir: "/workspace",
      env: {},
      hostname: "test",
      mounts: [{ kind: "bind", source: project, target: "/workspace", readOnly: false }],
      network: { kind: "own", name: "n" },
      dns: [],
      hosts: [],
      uid: 0,
      gid: 0,
      toolPaths: [],
      groups: [],
      privileged: false,
      limits: {},
      tty: false,
      stdin: false,
      detached: false,
      ...overrides,
    }),
    async [Symbol.asyncDispose]() {
      await runtime.remove({ kind: "container", name: "moat-run_0123456789ab" });
      await runtime[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function textOf(attachment: Attachment | undefined): Promise<string> {
  assert.ok(attachment);
  let text = "";
  const decoder = new TextDecoder();
  for await (const { stream, data } of attachment.output) {
    if (stream === "stdout") text += decoder.decode(data);
  }
  return text;
}

async function run(at: Bench, overrides: Partial<ContainerSpec>) {
  const spec = at.spec(overrides);
  await at.runtime.create(spec);
  const output = await textOf(await at.runtime.start(spec));
  const status = await at.runtime.wait(spec.name);
  return { output, code: status.code };
}

Deno.test("seatbelt: a command runs in the project's real directory", requires("ps"), async () => {
  await using at = await bench();
  const command = ["sh", "-c", 'pwd; echo "$MOAT_WORKSPACE"; echo "$A"; exit 7'];
  const { output, code } = await run(at, { command, env: { A: "b c" } });
  assert.equal(output, `${at.project}\n${at.project}\nb c\n`);
  assert.equal(code, 7);
});

Deno.test("seatbelt: what cannot be run has a shell's exit codes", requires("ps"), async () => {
  await using at = await bench();
  assert.equal((await run(at, { command: ["no-such-program"] })).code, 127);
  await at.runtime.remove({ kind: "container", name: at.spec({}).name });
  assert.equal((await run(at, { command: [at.project] })).code, 126);
});

Deno.test(
  "seatbelt: pre_run comes first and its failure is the run's",
  requires("ps"),
  async () => {
    await using at = await bench();
    const command = ["cat", "made", "-"];
    const preRun = "echo first | tee made; cat";
    // Standard output and input are the command's alone.
    assert.equal((await run(at, { preRun, command })).output, "first\n");
    await at.runtime.remove({ kind: "container", name: at.spec({}).name });
    const failed = await run(at, { preRun: "false\necho not reached", command });
    assert.deepEqual(failed, { output: "", code: 1 });
  },
);

Deno.test("seatbelt: stop ends the command and what it started", requires("ps"), async () => {
  await using at = await bench();
  const spec = at.spec({ command: ["sh", "-c", "sleep 600 & echo $!; wait"] });
  await at.runtime.create(spec);
  const attachment = await at.runtime.start(spec);
  assert.ok(attachment);
  const output = attachment.output[Symbol.asyncIterator]();
  await output.next();
  assert.equal((await at.runtime.inspect(spec.name))?.status, "running");
  assert.deepEqual((await at.runtime.list(HOME_ID)).map(({ running }) => running), [true]);
  await at.runtime.stop(spec.name, { graceMs: 5_000 });
  assert.equal((await at.runtime.wait(spec.name)).code, 143);
  // The pipe ends only when the last process that has it is gone.
  assert.equal((await output.next()).done, true);
  assert.equal((await at.runtime.inspect(spec.name))?.status, "exited");
  await at.runtime.remove({ kind: "container", name: spec.name });
  assert.deepEqual(await at.runtime.list(HOME_ID), []);
  await at.runtime.stop(spec.name);
});

Deno.test("seatbelt: a further command runs in the same sandbox", requires("ps"), async () => {
  await using at = await bench();
  const spec = at.spec({ command: ["cat"], stdin: true });
  await at.runtime.create(spec);
  const attachment = await at.runtime.start(spec);
  const base = { env: {}, workdir: "/workspace", uid: 0, gid: 0, tty: false, stdin: false };
  const exec = await at.runtime.exec(spec.name, { ...base, command: ["sh", "-c", "pwd; exit 3"] });
  assert.equal(await textOf(exec.attachment), `${at.project}\n`);
  assert.equal((await exec.wait()).code, 3);
  await attachment?.closeInput();
  assert.equal((await at.runtime.wait(spec.name)).code, 0);
});

const REFUSED = [
  ["a terminal", { tty: true }],
  ["to be detached", { detached: true }],
  ["an image", { image: "debian" }],
  ["a mount at another path", {
    mounts: [{ kind: "bind", source: "/etc", target: "/data", readOnly: true }],
  }],
  ["a volume", { mounts: [{ kind: "volume", source: "v", target: "/data", readOnly: false }] }],
] as const;

for (const [what, overrides] of REFUSED) {
  Deno.test(`seatbelt: a run that needs ${what} is refused and leaves nothing`, async () => {
    await using at = await bench();
    await assert.rejects(at.runtime.create(at.spec(overrides)), /^\w*Error: Cannot /);
    assert.deepEqual(await at.runtime.list(HOME_ID), []);
    assert.equal(await at.runtime.inspect("moat-run_0123456789ab"), undefined);
  });
}
