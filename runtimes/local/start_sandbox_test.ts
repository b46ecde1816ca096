import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../../tests/helpers/machine.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import {
  createLocalSubject,
  LOCAL_BACKENDS,
  type LocalSubject,
} from "../../tests/helpers/local_subject.ts";
import { createHomeId } from "../../core/ids.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import { openPty } from "../../core/terminal/pty.ts";
import { identifyProcess, isAlive } from "./process_identity.ts";
import { readProcess, sandboxPaths } from "./sandbox_state.ts";
import { waitUntil } from "./wait_until.ts";
import type { Wall } from "./walls.ts";

const SECONDS = 15_000;

function subjectOf(backend: "bubblewrap" | "unshare", without: readonly Wall[] = []) {
  return createLocalSubject({ backend, home: createHomeId(), spec: baseSpec, without });
}

/** Runs a script to its end; returns its standard output and code. */
async function run({ runtime, spec }: LocalSubject, changes: Partial<ContainerSpec>) {
  const wanted = spec(changes);
  await runtime.create(wanted);
  const attachment = await runtime.start(wanted);
  assert.ok(attachment);
  let text = "";
  for await (const { data } of attachment.output) text += new TextDecoder().decode(data);
  await attachment[Symbol.asyncDispose]();
  return { text, code: (await runtime.wait(wanted.name)).code };
}

interface StartElsewhereOptions {
  readonly backend: string;
  readonly spec: ContainerSpec;
  readonly without?: readonly Wall[];
  /** Its controlling terminal. */
  readonly terminal?: string;
}

/** A process of its own that starts a sandbox and stays. */
async function startElsewhere(
  { stateDir }: LocalSubject,
  { backend, spec, without = [], terminal }: StartElsewhereOptions,
): Promise<Deno.ChildProcess> {
  const runtime = new URL("./local_runtime.ts", import.meta.url).href;
  const program = join(stateDir, "starter.ts");
  await Deno.writeTextFile(
    program,
    `import { openLocalRuntime } from ${JSON.stringify(runtime)};
    const [environment, options, spec] = JSON.parse(Deno.args[0]);
    const runtime = openLocalRuntime(environment, options);
    await runtime.create(spec);
    const attachment = await runtime.start(spec);
    console.log("started");
    for await (const { data } of attachment?.output ?? []) await Deno.stdout.write(data);
    setInterval(() => {}, 1000);`,
  );
  const { PATH = "" } = Deno.env.toObject();
  const environment = { os: "linux", arch: arch(), env: { PATH }, stateDir, home: "h" };
  const words = terminal === undefined ? ["env"] : ["setsid", "-c"];
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", 'exec "$@" <"$0"', terminal ?? "/dev/null", ...words, Deno.execPath()],
      ...["run", "--quiet", "--allow-all", "--no-check", "--no-lock", program],
      JSON.stringify([environment, { backend, bubblewrap: "/usr/bin/bwrap", without }, spec]),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /started/);
  reader.releaseLock();
  return child;
}

function arch(): "amd64" | "arm64" {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}

for (const { backend, needs } of LOCAL_BACKENDS) {
  Deno.test({
    ...requires(...needs),
    name: `${backend}: an attached sandbox ends when its starter is killed`,
    async fn() {
      await using subject = await subjectOf(backend);
      const spec = subject.spec({ command: ["sleep", "1000"] });
      const starter = await startElsewhere(subject, { backend, spec });
      await starter.stdout.cancel();
      const process = await readProcess(sandboxPaths(subject.stateDir, spec.name));
      assert.ok(process !== undefined && isAlive(process));
      starter.kill("SIGKILL");
      await starter.status;
      assert.ok(await waitUntil(() => !isAlive(process), { timeoutMs: SECONDS }));
      assert.equal((await subject.runtime.inspect(spec.name))?.exit?.code, 137);
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: a detached sandbox outlives its starter and keeps output and code`,
    async fn() {
      await using subject = await subjectOf(backend);
      const spec = subject.spec({
        command: [
          "sh",
          "-c",
          "echo first; while [ ! -e go ]; do sleep 0.02; done; echo last; exit 9",
        ],
        mounts: [{ kind: "bind", source: subject.stateDir, target: "/workspace", readOnly: false }],
        workdir: "/workspace",
        detached: true,
      });
      const starter = await startElsewhere(subject, { backend, spec });
      await starter.stdout.cancel();
      starter.kill("SIGKILL");
      await starter.status;
      assert.equal((await subject.runtime.inspect(spec.name))?.status, "running");
      await Deno.writeTextFile(join(subject.stateDir, "go"), "");
      assert.equal((await subject.runtime.wait(spec.name)).code, 9);
      let text = "";
      for await (const { data } of subject.runtime.logs(spec.name, { follow: false })) {
        text += new TextDecoder().decode(data);
      }
      assert.equal(text, "first\nlast\n");
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: an interrupted start leaves no process`,
    async fn() {
      await using subject = await subjectOf(backend);
      const spec = subject.spec({ command: ["sleep", "1000"] });
      await subject.runtime.create(spec);
      const before = childrenOf(Deno.pid);
      const abort = new AbortController();
      const starting = subject.runtime.start(spec, { signal: abort.signal });
      await new Promise((resolve) => setTimeout(resolve, 5));
      abort.abort(new Error("enough"));
      await assert.rejects(starting, /enough/);
      const more = () => childrenOf(Deno.pid).filter((pid) => !before.includes(pid));
      assert.ok(await waitUntil(() => more().length === 0, { timeoutMs: SECONDS }));
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: no start puts a secret on a command line`,
    async fn() {
      await using subject = await subjectOf(backend);
      const spec = subject.spec({ command: ["sleep", "1000"], env: { TOKEN: "very-secret" } });
      await subject.runtime.create(spec);
      await subject.runtime.start(spec);
      const process = await readProcess(sandboxPaths(subject.stateDir, spec.name));
      assert.ok(process);
      for (const { name } of Deno.readDirSync("/proc")) {
        if (!/^\d+$/.test(name)) continue;
        const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
        assert.doesNotMatch(line, /very-secret/);
      }
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: a variable that steers Perl or the loader works only inside`,
    async fn() {
      await using subject = await subjectOf(backend);
      const marker = join(subject.stateDir, "marker");
      const { text } = await run(subject, {
        command: ["sh", "-c", 'echo "$PERL5OPT"'],
        env: { PERL5OPT: `-Mwarnings=-e;open(F,">${marker}")`, LD_PRELOAD: "" },
      });
      assert.match(text, /Mwarnings/);
      await assert.rejects(Deno.stat(marker), Deno.errors.NotFound);
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: a mount point that is a link in the project is refused`,
    async fn() {
      await using subject = await subjectOf(backend);
      const project = join(subject.stateDir, "project");
      const victim = join(subject.stateDir, "victim");
      await Deno.mkdir(project);
      await Deno.mkdir(victim);
      await Deno.symlink(victim, join(project, "link"));
      const mount = { kind: "bind", source: project, readOnly: false } as const;
      const started = run(subject, {
        command: ["true"],
        mounts: [
          { ...mount, target: "/workspace" },
          { ...mount, target: "/workspace/link/made" },
        ],
      });
      await assert.rejects(started, /symbolic link/);
      assert.deepEqual([...Deno.readDirSync(victim)], []);
    },
  });
}

for (const { backend, needs } of LOCAL_BACKENDS) {
  for (const without of [[], ["session"]] as const) {
    const [wall, expected] = without.length === 0
      ? ["", "holds"]
      : ['without "session" not: ', "reached"];
    Deno.test({
      ...requires(...needs),
      name: `${backend}: ${wall}the terminal that moat runs on is out of reach`,
      async fn() {
        await using subject = await subjectOf(backend);
        const pty = openPty();
        const script = "{ exec 3<>/dev/tty; } 2>/dev/null && echo reached || echo holds";
        const starter = await startElsewhere(subject, {
          backend,
          without,
          terminal: `/dev/pts/${pty.number}`,
          // Where the redirection of exec fails the shell ends, so it has one of its own.
          spec: subject.spec({
            command: ["sh", "-c", `sh -c '${script}' || echo holds; sleep 1000`],
          }),
        });
        let text = "";
        for await (const data of starter.stdout) {
          text += new TextDecoder().decode(data);
          if (/(holds|reached)\n/.test(text)) break;
        }
        starter.kill("SIGKILL");
        await starter.status;
        pty.close();
        assert.equal(text.trim(), expected);
      },
    });
  }

  Deno.test({
    ...requires(...needs),
    name: `${backend}: process limits hold, and one that cannot be set is an error`,
    async fn() {
      await using subject = await subjectOf(backend);
      const limits = (soft: number) => ({ ulimits: [{ name: "nofile", soft, hard: soft }] });
      const command = ["sh", "-c", "ulimit -n; ulimit -Hn"];
      const { text } = await run(subject, { command, limits: limits(77) });
      assert.equal(text, "77\n77\n");
      const { text: said, code } = await run(subject, { command, limits: limits(2 ** 40) });
      assert.match(said, /cannot set the limit "nofile": Operation not permitted/);
      assert.equal(code, 126);
    },
  });
}

for (const without of [[], ["mount_setattr"]] as const) {
  const kernel = without.length === 0 ? "this kernel" : "an older kernel";
  Deno.test({
    ...requires("linux", "root"),
    name: `unshare: what is mounted below a read-only directory is read-only, on ${kernel}`,
    async fn() {
      await using subject = await subjectOf("unshare", without);
      const tool = join(subject.stateDir, "tool");
      await Deno.mkdir(join(tool, "below it"), { recursive: true });
      await sh(`mount -t tmpfs none '${tool}/below it'`);
      try {
        const { text } = await run(subject, {
          command: [
            "sh",
            "-c",
            'for d in "$T" "$T/below it"; do touch "$d/x" 2>/dev/null && echo "$d"; done',
          ],
          env: { T: tool },
          toolPaths: [tool],
        });
        assert.equal(text, "");
      } finally {
        await sh(`umount '${tool}/below it'`);
      }
    },
  });
}

Deno.test("isAlive() does not mistake another process of the same number", () => {
  const identity = identifyProcess(Deno.pid);
  assert.ok(identity !== undefined && isAlive(identity));
  assert.equal(isAlive({ ...identity, startTime: "1" }), false);
  assert.equal(isAlive({ ...identity, bootId: "another" }), false);
  assert.equal(identifyProcess(0), undefined);
});

async function sh(script: string): Promise<void> {
  const { success } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.ok(success, script);
}

function childrenOf(pid: number): readonly string[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ")
    .filter((text) => text !== "");
}
