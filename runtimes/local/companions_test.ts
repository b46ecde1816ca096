import assert from "node:assert/strict";
import { MoatError } from "../../core/errors.ts";
import { companionName, createHomeId, createRunId, runLabels } from "../../core/ids.ts";
import type { ByteStream, CompanionSpec, Runtime } from "../../core/plugin/runtime.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import {
  createLocalSubject,
  LOCAL_BACKENDS,
  type LocalSubject,
} from "../../tests/helpers/local_subject.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { until } from "../../tests/helpers/until.ts";

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
      name: companionName(name, runId),
      runId,
      labels: runLabels(home, runId, "service"),
      image: undefined,
      command: ["perl", "-e", SERVER, "7001", name],
      env: {},
      files: [],
      mounts: [],
      hostname: name,
      network: { name: `moat-${runId}` },
      hosts: [],
      dns: [],
      privileged: false,
      limits: {},
      toolPaths: [],
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

/** Runs the script in a service's sandbox and returns what it prints. */
async function inService(
  { runtime, home }: LocalSubject,
  script: string,
  changes: Partial<CompanionSpec> = {},
): Promise<string> {
  const { service } = family(home);
  const spec = service("probe", { command: ["/bin/sh", "-c", script], ...changes });
  await startService(runtime, spec);
  await runtime.wait(spec.name);
  let output = "";
  for await (const { data } of runtime.logs(spec.name, { follow: true })) {
    output += new TextDecoder().decode(data);
  }
  await runtime.remove({ kind: "container", name: spec.name });
  return output.trim();
}

for (const { backend, needs } of LOCAL_BACKENDS) {
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
}
