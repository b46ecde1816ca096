import assert from "node:assert/strict";
import { MoatError } from "../../core/errors.ts";
import { createHomeId, createRunId, runLabels } from "../../core/ids.ts";
import type { ByteStream, CompanionSpec, Runtime } from "../../core/plugin/runtime.ts";
import {
  baseCompanion,
  companionContract,
  type CompanionSubject,
} from "../../tests/contracts/companion_contract.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import {
  createLocalSubject,
  LOCAL_BACKENDS,
  type LocalSubject,
} from "../../tests/helpers/local_subject.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { until } from "../../tests/helpers/until.ts";
import { openLocalRuntime } from "./local_runtime.ts";
import { identifyProcess, parseIdentity } from "./process_identity.ts";

/** Answers each connection with one line and what it then reads. */
const SERVER = String.raw`
use Socket; my ($port, $line) = @ARGV;
socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!"; listen($s, 100);
$| = 1; print "listening\n"; $SIG{CHLD} = "IGNORE";
while (accept(my $c, $s)) {
  next if fork(); close($s);
  syswrite($c, "$line\n"); while (sysread($c, my $data, 65536)) { syswrite($c, $data) } exit;
}`;

/** A run with its services' specs. */
function family(home: string) {
  const runId = createRunId();
  return {
    runId,
    run: { ...baseSpec(home), runId, name: `moat-${runId}`, labels: runLabels(home, runId, "run") },
    service: (name: string, changes: Partial<CompanionSpec> = {}): CompanionSpec => ({
      ...baseCompanion(home, runId, name),
      command: ["perl", "-e", SERVER, "7001", name],
      ...changes,
    }),
  };
}

async function startService({ companions }: Runtime, spec: CompanionSpec): Promise<void> {
  assert.ok(companions !== undefined);
  await companions.create(spec);
  await companions.start(spec);
}

async function dial(runtime: Runtime, name: string, port: number): Promise<ByteStream> {
  assert.ok(runtime.dial !== undefined);
  return await runtime.dial(name, port);
}

async function readText(stream: ByteStream): Promise<string> {
  const buffer = new Uint8Array(1024);
  const count = await stream.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

/** Waits until the service answers. */
async function answer(runtime: Runtime, name: string, port = 7001): Promise<string> {
  return await until(`an answer of ${name}`, async () => {
    try {
      using stream = await dial(runtime, name, port);
      return await readText(stream);
    } catch (error) {
      if (error instanceof MoatError) return undefined;
      throw error;
    }
  });
}

const SKIP = {
  "a snapshot brings a directory back, and nothing secret": "there are no images",
};

/** One run with the caller's ids, and its services, which are user 1000 whoever asks. */
async function createSubject(
  backend: "bubblewrap" | "unshare",
  ids?: Ids,
): Promise<CompanionSubject> {
  const home = createHomeId();
  const { run } = family(home);
  const subject = await createLocalSubject({ backend, home, spec: () => ({ ...run, ...ids }) });
  return {
    ...subject,
    run: (changes) =>
      subject.spec({ ...ids, network: { kind: "own", name: run.name }, ...changes }),
    companion: (name, changes) => ({ ...baseCompanion(home, run.runId, name), ...changes }),
    user: { uid: 0, gid: 0 },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

companionContract("local, root for another owner", {
  ...requires("linux", "root"),
  skip: SKIP,
  make: () => createSubject("unshare", { uid: 23456, gid: 23457 }),
});

/** Runs the script in a service's sandbox, beside the run of the same family, until it ends. */
async function inService(
  { runtime }: LocalSubject,
  spec: CompanionSpec,
): Promise<string> {
  await startService(runtime, spec);
  await runtime.wait(spec.name);
  let output = "";
  for await (const { data } of runtime.logs(spec.name, { follow: true })) {
    output += new TextDecoder().decode(data);
  }
  await runtime.remove({ kind: "container", name: spec.name });
  return output.trim();
}

/** Takes the interface `lo` down. */
const LOWER_LOOPBACK = `socket(S, 2, 2, 0) or die; $down = pack("a16 s x22", "lo", 8);
  print ioctl(S, 0x8914, $down) ? "lowered\\n" : "holds\\n"`;

/** Joins the network of the process in the first argument, with the rights of its owner. */
const AS_OWNER = `open(NET, "<", "/proc/$ARGV[0]/ns/net") or die;
  open(USER, "<&=", ioctl(NET, 0xb701, 0) + 0) or die;
  $setns = ${Deno.build.arch === "aarch64" ? 268 : 308};
  syscall($setns, fileno(USER), 0) if (stat(USER))[1] != (stat("/proc/self/ns/user"))[1];
  syscall($setns, fileno(NET), 0) == 0 or die;
`;

const shell = (script: string) => ["/bin/sh", "-c", script];

/** Something that a service must not reach. The script prints `holds`, or what it reached. */
interface Wall {
  readonly title: string;
  readonly script: string;
  /** The same sandbox with this in it must not print `holds`. */
  readonly twin: (places: Places) => Partial<CompanionSpec>;
}

/** Directories of the host. */
interface Places {
  readonly project: string;
  /** Private data of the run's other service. */
  readonly other: string;
}

const WALLS: readonly Wall[] = [
  {
    title: "the project",
    script: "cat /workspace/secret 2>/dev/null || echo holds",
    twin: ({ project }) => ({
      mounts: [{ kind: "bind", source: project, target: "/workspace", readOnly: true }],
    }),
  },
  {
    title: "homes of the host",
    script: "found=$(ls -d /root /home/* 2>/dev/null | grep -vx /home/moatuser); " +
      'echo "${found:-holds}"',
    twin: ({ project }) => ({
      mounts: [{ kind: "bind", source: project, target: "/home/someone", readOnly: true }],
    }),
  },
  {
    title: "the data of the run's other service",
    script: "cat /data/secret 2>/dev/null || echo holds",
    twin: ({ other }) => ({
      mounts: [{ kind: "bind", source: other, target: "/data", readOnly: true }],
    }),
  },
];

for (const { backend, needs } of LOCAL_BACKENDS) {
  companionContract(`local, ${backend}`, {
    ...requires(...needs),
    skip: SKIP,
    make: () => createSubject(backend),
  });

  const test = (name: string, check: (subject: LocalSubject) => Promise<void>) =>
    Deno.test({
      ...requires(...needs),
      name: `${backend}: ${name}`,
      async fn() {
        await using subject = await createLocalSubject({
          backend,
          home: createHomeId(),
          spec: baseSpec,
        });
        await check(subject);
      },
    });

  test("a run reaches its services on its own loopback, and nobody else's", async (subject) => {
    const { runtime, home, spec } = subject;
    const families = [family(home), family(home)] as const;
    for (const [index, { service }] of families.entries()) {
      const own = service("db");
      await startService(runtime, {
        ...own,
        command: ["perl", "-e", SERVER, "7001", `db ${index}`],
      });
      assert.equal(await answer(runtime, own.name), `db ${index}\n`);
    }
    for (const [index, { run }] of families.entries()) {
      const script = `use Socket; socket(S, PF_INET, SOCK_STREAM, 0);
        connect(S, sockaddr_in(7001, INADDR_LOOPBACK)) or die $!; print scalar <S>`;
      const own = spec({
        ...run,
        uid: spec().uid,
        gid: spec().gid,
        network: { kind: "own", name: run.name },
        command: ["perl", "-e", script],
      });
      await runtime.create(own);
      await using attachment = await runtime.start(own);
      let output = "";
      for await (const { data } of attachment?.output ?? []) {
        output += new TextDecoder().decode(data);
      }
      assert.equal(output, `db ${index}\n`);
    }
  });

  test("exec() joins a run that shares its network", async (subject) => {
    const { runtime, home, spec } = subject;
    const { run, service } = family(home);
    const db = service("db");
    await startService(runtime, db);
    await answer(runtime, db.name);
    const own = spec({
      ...run,
      uid: spec().uid,
      gid: spec().gid,
      network: { kind: "own", name: run.name },
      command: ["sleep", "100"],
      detached: true,
      secretEnv: { URL: "line one\nline 'two' \"ü\"" },
    });
    await runtime.create(own);
    await runtime.start(own);
    const exec = await runtime.exec(own.name, {
      command: ["sh", "-c", 'printf "%s|" "$URL"; readlink /proc/self/ns/net'],
      env: {},
      workdir: "/",
      uid: own.uid,
      gid: own.gid,
      tty: false,
      stdin: false,
    });
    let output = "";
    for await (const { data } of exec.attachment.output) output += new TextDecoder().decode(data);
    await exec.attachment[Symbol.asyncDispose]();
    const inService = await runtime.exec(db.name, {
      command: ["readlink", "/proc/self/ns/net"],
      env: {},
      workdir: "/",
      uid: 0,
      gid: 0,
      tty: false,
      stdin: false,
    });
    let network = "";
    for await (const { data } of inService.attachment.output) {
      network += new TextDecoder().decode(data);
    }
    await inService.attachment[Symbol.asyncDispose]();
    assert.equal(output, `line one\nline 'two' "ü"|${network}`);
    await Promise.all([exec.wait(), inService.wait()]);
  });

  test("the namespace goes with the last sandbox of its run", async ({ runtime, home, stateDir }) => {
    const { service } = family(home);
    const specs = ["one", "two", "three"].map((name) => service(name));
    await Promise.all(specs.map((spec) => runtime.companions?.create(spec)));
    const networks = `${stateDir}/networks`;
    assert.equal([...Deno.readDirSync(networks)].length, 1);
    await Promise.all(
      specs.map(({ name }) => runtime.remove({ kind: "container", name })),
    );
    assert.deepEqual([...Deno.readDirSync(networks)], []);
  });

  for (const { title, script, twin } of WALLS) {
    test(`a service does not reach ${title}`, async (subject) => {
      const { runtime, home, spec, stateDir } = subject;
      const { run, service } = family(home);
      const project = await Deno.makeTempDir({ prefix: "moat-project-" });
      await Deno.writeTextFile(`${project}/secret`, "of the project");
      const other = service("other", {
        mounts: [{ kind: "volume", source: "", target: "/data", readOnly: false }],
        command: shell("echo of the other >/data/secret; exec sleep 100"),
      });
      await startService(runtime, other);
      const own = spec({
        ...run,
        uid: spec().uid,
        gid: spec().gid,
        network: { kind: "own", name: run.name },
        mounts: [{ kind: "bind", source: project, target: "/workspace", readOnly: false }],
        command: ["sleep", "100"],
        detached: true,
      });
      await runtime.create(own);
      await runtime.start(own);
      const data = `${stateDir}/sandboxes/${other.name}/volumes/%2Fdata`;
      await until("the other's secret", () => exists(`${data}/secret`));
      try {
        const probe = service("probe", { command: shell(script) });
        assert.equal(await inService(subject, probe), "holds");
        const reached = await inService(subject, { ...probe, ...twin({ project, other: data }) });
        assert.notEqual(reached, "holds");
      } finally {
        await Deno.remove(project, { recursive: true });
      }
    });
  }

  test("a service is user 1000 with a private directory and its files", async (subject) => {
    const { service } = family(subject.home);
    const output = await inService(
      subject,
      service("db", {
        mounts: [{ kind: "volume", source: "", target: "/var/lib/moat", readOnly: false }],
        files: [{ path: "/run/moat/password", content: "secret", mode: 0o600 }],
        hosts: [{ address: "127.0.0.1", name: "app" }],
        command: shell(
          "id -u; id -g; stat -c '%a %u' /var/lib/moat; touch /var/lib/moat/x && echo written; " +
            "stat -c '%a %u' /run/moat/password; cat /run/moat/password; echo; " +
            "echo x 2>/dev/null >/run/moat/password || echo read-only; grep app /etc/hosts; hostname",
        ),
      }),
    );
    assert.deepEqual(output.split("\n"), [
      ...["1000", "1000", "700 1000", "written", "600 1000", "secret", "read-only"],
      ...["127.0.0.1\tapp", "db"],
    ]);
  });

  test("a service and the run see none of each other's processes", async (subject) => {
    const { service } = family(subject.home);
    const script = "ls -d /proc/[0-9]* | wc -l; for p in /proc/[0-9]*; do " +
      "tr '\\0' ' ' <$p/cmdline; echo; done | grep -cx 'slee[p] 98765 '";
    const sleeper = service("sleeper", { command: ["sleep", "98765"] });
    await startService(subject.runtime, sleeper);
    const [count, seen] = (await inService(subject, service("probe", { command: shell(script) })))
      .split("\n");
    assert.ok(Number(count) < 8, `${count} processes`);
    assert.equal(seen, "0");
    // The twin: the sleeper's own sandbox sees it.
    const own = await inService(
      subject,
      service("twin", { command: shell(`sleep 98765 & ${script}`) }),
    );
    assert.notEqual(own.split("\n")[1], "0");
  });

  test("a service cannot change the network that it shares", async (subject) => {
    const { runtime, home, stateDir } = subject;
    const { runId, service } = family(home);
    const probe = service("probe", { command: ["perl", "-e", LOWER_LOOPBACK] });
    assert.equal(await inService(subject, probe), "holds");
    // The twin: whoever owns the namespace can.
    await startService(runtime, service("db"));
    const holder: unknown = JSON.parse(
      await Deno.readTextFile(`${stateDir}/networks/${runId}/dial.sock.json`),
    );
    const target = String(parseIdentity(holder)?.pid);
    const { stdout } = await new Deno.Command("perl", {
      args: ["-e", AS_OWNER + LOWER_LOOPBACK, target],
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "lowered\n");
  });

  test("stop() ends a service and inspect() tells how; logs() has its output", async (subject) => {
    const { runtime, home } = subject;
    const { service } = family(home);
    const spec = service("db");
    await runtime.companions?.create(spec);
    assert.equal((await runtime.inspect(spec.name))?.status, "created");
    await runtime.companions?.start(spec);
    await answer(runtime, spec.name);
    assert.equal((await runtime.inspect(spec.name))?.status, "running");
    const [listed] = await runtime.list(home);
    assert.deepEqual([listed?.name, listed?.role, listed?.running], [spec.name, "service", true]);
    await runtime.stop(spec.name);
    assert.equal((await runtime.wait(spec.name)).code, 143);
    assert.equal((await runtime.inspect(spec.name))?.status, "exited");
    let output = "";
    for await (const { data } of runtime.logs(spec.name, { follow: false })) {
      output += new TextDecoder().decode(data);
    }
    assert.equal(output, "listening\n");
  });

  test("what a killed owner left is found and removed by another", async (subject) => {
    const { runtime, home, stateDir } = subject;
    const { service } = family(home);
    const spec = service("db");
    await startService(runtime, spec);
    await answer(runtime, spec.name);
    const holder = JSON.parse(
      await Deno.readTextFile(`${stateDir}/networks/${spec.runId}/dial.sock.json`),
    );
    const other = openLocalRuntime({
      os: "linux",
      arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
      env: {},
      stateDir,
      home,
    }, { backend, bubblewrap: "/usr/bin/bwrap" });
    for (const { kind, name } of await other.list(home)) await other.remove({ kind, name });
    assert.deepEqual(await other.list(home), []);
    assert.deepEqual([...Deno.readDirSync(`${stateDir}/networks`)], []);
    assert.equal(identifyProcess(holder.pid), undefined);
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
