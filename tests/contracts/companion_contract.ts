/**
 * The suite for runtimes with companions: services and helpers beside a run, connections into
 * containers, and variables with secrets. What a runtime cannot do is skipped by the case's name,
 * with a reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { companionName, engineName, runLabels } from "../../core/ids.ts";
import type {
  ByteStream,
  Companions,
  CompanionSpec,
  ContainerSpec,
  Runtime,
} from "../../core/plugin/runtime.ts";
import { readText, writeAll } from "../helpers/stream_pair.ts";
import { type ContractCases, type ContractOptions, registerContract } from "./contract_suite.ts";
import { hook, program } from "./programs.ts";

const DEADLINE_MS = 90_000;
const PORT = 7001;

/** A runtime with the network of one run. Disposing removes everything that was made with it. */
export interface CompanionSubject extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly home: string;
  /** The run, in the network of its companions; there is one. */
  run(changes?: Partial<ContainerSpec>): ContainerSpec;
  /** A companion of that run, with an address of its own where there are addresses. */
  companion(name: string, changes?: Partial<CompanionSpec>): CompanionSpec;
  /** Whose ids commands in companions are run with. */
  readonly user: { readonly uid: number; readonly gid: number };
}

/** Registers the contract's tests. */
export function companionContract(name: string, options: ContractOptions<CompanionSubject>): void {
  registerContract(COMPANION_CASES, { ...options, name });
}

/** A companion's spec with everything that a runtime does not decide. */
export function baseCompanion(home: string, runId: string, name: string): CompanionSpec {
  return {
    name: companionName(name, runId),
    runId,
    labels: runLabels(home, runId, "service"),
    image: undefined,
    command: program("idle"),
    env: {},
    files: [],
    mounts: [],
    hostname: name,
    network: { name: engineName(runId) },
    hosts: [],
    dns: [],
    privileged: false,
    limits: {},
    toolPaths: [],
  };
}

/** The suite. */
export const COMPANION_CASES: ContractCases<CompanionSubject> = {
  "a companion's output and exit code are kept": async (subject) => {
    const { runtime } = subject;
    const spec = await started(subject, "job", { command: program("print", "out", "err") });
    const { code } = await runtime.wait(spec.name);
    assert.deepEqual([code, await logged(runtime, spec.name)], [0, "errout"]);
    assert.equal((await runtime.inspect(spec.name))?.status, "exited");
  },

  "what a companion is given is there at its start": async (subject) => {
    const content = "first\n$second 'third'\n";
    const file = { path: "/etc/moat-test/given.conf", content, mode: 0o600, ...subject.user };
    const read = await started(subject, "reader", {
      command: program("read", file.path),
      files: [file],
    });
    const mode = await started(subject, "mode", {
      command: program("mode", file.path),
      files: [file],
    });
    const variable = await started(subject, "variable", {
      command: program("variable", "GREETING"),
      env: { GREETING: "hello  world" },
    });
    for (const { name } of [read, mode, variable]) await subject.runtime.wait(name);
    assert.deepEqual(
      await Promise.all([read, mode, variable].map(({ name }) => logged(subject.runtime, name))),
      [content, "600\n", "hello  world\n"],
    );
  },

  "list() and inspect() know a companion by its role": async (subject) => {
    const { runtime, home } = subject;
    const spec = subject.companion("server");
    const abilities = abilitiesOf(subject);
    await abilities.companions.create(spec);
    assert.equal((await runtime.inspect(spec.name))?.status, "created");
    await abilities.companions.start(spec);
    await untilLogged(runtime, spec.name, "ready");
    const state = await runtime.inspect(spec.name);
    assert.equal(state?.status, "running");
    assert.notEqual(state.isolatedBy, "");
    if (spec.isolation !== undefined) assert.equal(state.isolation, spec.isolation);
    const containers = (await runtime.list(home)).filter(({ kind }) => kind === "container");
    assert.deepEqual(containers, [{
      kind: "container",
      name: spec.name,
      runId: spec.runId,
      role: "service",
      running: true,
    }]);
  },

  "exec() runs commands in a companion": async (subject) => {
    const { name } = await started(subject, "server");
    await untilLogged(subject.runtime, name, "ready");
    const copied = await exec(subject, name, program("copy"), { input: "typed" });
    assert.deepEqual(copied, { code: 0, stdout: "typed" });
    assert.equal((await exec(subject, name, program("exit", 7))).code, 7);
  },

  "stop(), kill() and remove() end a companion and are idempotent": async (subject) => {
    const { runtime, home } = subject;
    const gentle = await started(subject, "gentle", { command: program("react", "TERM", 3) });
    const killed = await started(subject, "killed");
    for (const { name } of [gentle, killed]) await untilLogged(runtime, name, "ready");
    await runtime.stop(gentle.name, { graceMs: 20_000 });
    await runtime.kill(killed.name, "SIGKILL");
    const ends = await Promise.all([gentle, killed].map(({ name }) => runtime.wait(name)));
    assert.deepEqual(ends.map(({ code }) => code), [3, 137]);
    for (const { name } of [gentle, killed, gentle]) {
      await runtime.stop(name);
      await runtime.kill(name, "SIGTERM");
      await runtime.remove({ kind: "container", name });
    }
    assert.deepEqual((await runtime.list(home)).filter(({ kind }) => kind === "container"), []);
    assert.equal(await runtime.inspect(gentle.name), undefined);
  },

  "remove() ends a companion that runs": async (subject) => {
    const { runtime, home } = subject;
    const { name } = await started(subject, "server");
    await untilLogged(runtime, name, "ready");
    await runtime.remove({ kind: "container", name });
    assert.deepEqual((await runtime.list(home)).filter(({ kind }) => kind === "container"), []);
  },

  "create() refuses a name in use, and leaves nothing when it is aborted": async (subject) => {
    const { companions } = abilitiesOf(subject);
    const holder = await started(subject, "server");
    await assert.rejects(companions.create(subject.companion("server")));
    assert.equal((await subject.runtime.inspect(holder.name))?.status, "running");
    const abort = new AbortController();
    const creating = companions.create(subject.companion("other"), { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(creating, /enough/);
    const containers = (await subject.runtime.list(subject.home))
      .filter(({ kind }) => kind === "container");
    assert.deepEqual(containers.map(({ name }) => name), [holder.name]);
  },

  "run and companions reach each other by name": async (subject) => {
    const { runtime } = subject;
    const server = await started(subject, "server", {
      command: program("echoServer", PORT, listenAddress(subject)),
    });
    await untilLogged(runtime, server.name, "ready");
    const hosts = [{ name: "server", address: addressOf(subject, server) }];
    const other = await started(subject, "other", {
      command: program("request", "server", PORT, "from beside "),
      hosts,
    });
    const run = subject.run({
      command: program("request", "server", PORT, "from the run "),
      hosts,
      detached: true,
    });
    await runtime.create(run);
    await runtime.start(run);
    for (const { name } of [other, run]) await runtime.wait(name);
    assert.deepEqual(
      [await logged(runtime, other.name), await logged(runtime, run.name)],
      ["from beside end", "from the run end"],
    );
  },

  "dial() carries bytes unchanged, each way to its end": async (subject) => {
    const { dial } = abilitiesOf(subject);
    const server = await started(subject, "server", {
      command: program("echoServer", PORT, listenAddress(subject)),
    });
    await untilLogged(subject.runtime, server.name, "ready");
    const bytes = new Uint8Array(1_000_000).map((_, index) => (index * 7919) % 251);
    using stream = await dial(server.name, PORT);
    const [back] = await Promise.all([
      readBytes(stream),
      writeAll(stream, bytes).then(() => stream.closeWrite()),
    ]);
    assert.equal(back.length, bytes.length + "end".length);
    assert.ok(bytes.every((byte, index) => back[index] === byte));
  },

  "dial() hears a server that speaks first and ends its side first": async (subject) => {
    const { dial } = abilitiesOf(subject);
    const server = await started(subject, "server", { command: program("greeter", PORT) });
    await untilLogged(subject.runtime, server.name, "ready");
    {
      using stream = await dial(server.name, PORT);
      assert.equal(await readText(stream), "hello");
      await writeAll(stream, new TextEncoder().encode("to the end"));
      await stream.closeWrite();
      await untilLogged(subject.runtime, server.name, "to the end");
    }
    // It serves one after another: the next is heard when the one before was really closed, also by
    // nothing but its end here.
    for (const _ of ["second", "third"]) {
      using stream = await dial(server.name, PORT);
      assert.equal(await readText(stream), "hello");
    }
  },

  "closing a connection ends a read that waits": async (subject) => {
    const { dial } = abilitiesOf(subject);
    const server = await started(subject, "server", {
      command: program("echoServer", PORT, listenAddress(subject)),
    });
    await untilLogged(subject.runtime, server.name, "ready");
    const stream = await dial(server.name, PORT);
    const reading = stream.read(new Uint8Array(10));
    stream.close();
    assert.equal(await reading, null);
    assert.equal(await stream.read(new Uint8Array(10)), null);
    stream.close();
  },

  "dial() says when nothing listens, nothing runs, nothing is there": async (subject) => {
    const { companions, dial } = abilitiesOf(subject);
    const server = await started(subject, "server");
    await untilLogged(subject.runtime, server.name, "ready");
    await assert.rejects(dial(server.name, PORT), /nothing listens/);
    const other = subject.companion("other");
    await companions.create(other);
    await assert.rejects(dial(other.name, PORT), { name: "MoatError" });
    await assert.rejects(dial("moat-none-run_000000000000", PORT), { name: "MoatError" });
  },

  "dial() can be aborted": async (subject) => {
    const { dial } = abilitiesOf(subject);
    const server = await started(subject, "server", { command: program("greeter", PORT) });
    await untilLogged(subject.runtime, server.name, "ready");
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(dial(server.name, PORT, { signal }), /enough/);
    const abort = new AbortController();
    const dialing = dial(server.name, PORT, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(dialing, /enough/);
    // It serves one after another: nobody is left who takes its time.
    using stream = await dial(server.name, PORT);
    assert.equal(await readText(stream), "hello");
  },

  "dial() reaches what listens on the loopback of a run, many at once": async (subject) => {
    const { runtime } = subject;
    const { dial } = abilitiesOf(subject);
    const run = subject.run({
      command: program("echoServer", PORT, "127.0.0.1"),
      detached: true,
    });
    await runtime.create(run);
    await runtime.start(run);
    await using _supervision = await runtime.supervise?.(run.name) ?? noSupervision();
    await untilLogged(runtime, run.name, "ready");
    const answers = await Promise.all([1, 2, 3, 4].map(async (number) => {
      using stream = await dial(run.name, PORT);
      await writeAll(stream, new TextEncoder().encode(`number ${number} `));
      await stream.closeWrite();
      return await readText(stream);
    }));
    assert.deepEqual(answers, [1, 2, 3, 4].map((number) => `number ${number} end`));
    await assert.rejects(dial(run.name, PORT + 1), /nothing listens/);
  },

  "secret variables reach command, hook and exec, whatever is in them": async (subject) => {
    const { runtime } = subject;
    const secret = `a'b"c $HOME \`d\` \\ ü\n  second line `;
    const run = subject.run({
      command: program("awaitFile", "/tmp/never", ""),
      preRun: hook("writeSecret"),
      secretEnv: { SECRET: secret, OTHER: "other" },
      detached: true,
    });
    await runtime.create(run);
    await runtime.start(run);
    await using _supervision = await runtime.supervise?.(run.name) ?? noSupervision();
    const inExec = (command: readonly string[], env = {}) =>
      exec(subject, run.name, command, { env, user: run });
    // The hook has ended when the command runs; an exec may come before.
    for (const until = Date.now() + DEADLINE_MS; Date.now() < until;) {
      if ((await inExec(program("read", "/tmp/from-hook"))).code === 0) break;
    }
    assert.equal((await inExec(program("read", "/tmp/from-hook"))).stdout, `${secret}\n`);
    assert.equal((await inExec(program("variable", "SECRET"))).stdout, `${secret}\n`);
    const own = await inExec(program("variable", "OTHER"), { OTHER: "the exec's own" });
    assert.equal(own.stdout, "the exec's own\n");
  },

  "secret variables reach an attached command": async (subject) => {
    const { runtime } = subject;
    const run = subject.run({ command: program("variable", "SECRET"), secretEnv: { SECRET: "x" } });
    await runtime.create(run);
    const attachment = await runtime.start(run);
    assert.ok(attachment !== undefined);
    await using _attachment = attachment;
    let text = "";
    for await (const { data } of attachment.output) text += new TextDecoder().decode(data);
    assert.equal(text, "x\n");
  },

  "the run's network is listed, has its name alone, and goes when it is removed": async (
    subject,
  ) => {
    const { runtime, home } = subject;
    // Where companions share a loopback there is none to list.
    if (runtime.networks === undefined) return;
    const networks = async () =>
      (await runtime.list(home)).filter(({ kind }) => kind === "network");
    const [network] = await networks();
    assert.ok(network !== undefined);
    assert.equal(network.role, "network");
    const { name, runId } = network;
    const labels = runLabels(home, runId, "network");
    await assert.rejects(runtime.networks.create({ name, subnet: "192.0.2.0/28", labels }));
    assert.equal((await networks()).length, 1);
    await runtime.remove({ kind: "network", name });
    await runtime.remove({ kind: "network", name });
    assert.deepEqual(await networks(), []);
  },

  "a snapshot brings a directory back, and nothing secret": async (subject) => {
    const { runtime } = subject;
    const { companions } = abilitiesOf(subject);
    assert.ok(companions.snapshot !== undefined && runtime.images !== undefined);
    const server = await started(subject, "server", {
      command: program("keep", "/etc/moat-test/given", "/srv/moat-test/data/kept"),
      files: [{ path: "/etc/moat-test/given", content: "kept", mode: 0o600 }],
      mounts: [{ kind: "volume", source: "", target: "/srv/moat-test/data", readOnly: false }],
    });
    await untilLogged(runtime, server.name, "ready");
    await runtime.stop(server.name, { graceMs: 0 });
    const ref = `moat/data:test-${subject.home}`;
    await companions.snapshot(server.name, {
      ref,
      labels: { "moat.image": "1" },
      directory: "/srv/moat-test/data",
    });
    try {
      assert.ok((await runtime.images.listOwn()).includes(ref));
      assert.equal(await runtime.images.exists(ref), true);
      const again = await started(subject, "again", {
        image: ref,
        command: program("read", "/srv/moat-test/data/kept"),
      });
      const given = await started(subject, "given", {
        image: ref,
        command: program("read", "/etc/moat-test/given"),
      });
      assert.equal((await runtime.wait(again.name)).code, 0);
      assert.notEqual((await runtime.wait(given.name)).code, 0);
      assert.equal(await logged(runtime, again.name), "kept");
      assert.equal(await runtime.images.untag(ref), false);
      for (const { name } of [again, given]) await runtime.remove({ kind: "container", name });
    } finally {
      await runtime.images.untag(ref);
    }
    assert.equal(await runtime.images.exists(ref), false);
  },
};

/** The abilities that the suite is about. */
function abilitiesOf(
  { runtime }: CompanionSubject,
): { readonly companions: Companions; readonly dial: NonNullable<Runtime["dial"]> } {
  const { companions } = runtime;
  assert.ok(companions !== undefined && runtime.dial !== undefined);
  return { companions, dial: runtime.dial.bind(runtime) };
}

async function started(
  subject: CompanionSubject,
  name: string,
  changes: Partial<CompanionSpec> = {},
): Promise<CompanionSpec> {
  const { companions } = abilitiesOf(subject);
  const spec = subject.companion(name, changes);
  await companions.create(spec);
  await companions.start(spec);
  return spec;
}

/** Where run and companions find a companion. */
function addressOf(subject: CompanionSubject, { network }: CompanionSpec): string {
  return isLoopback(subject) ? "127.0.0.1" : network.address ?? "";
}

/** Where a server has to listen for them. */
function listenAddress(subject: CompanionSubject): string {
  return isLoopback(subject) ? "127.0.0.1" : "0.0.0.0";
}

function isLoopback(subject: CompanionSubject): boolean {
  return abilitiesOf(subject).companions.addressing === "loopback";
}

interface ExecOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

async function exec(
  subject: CompanionSubject,
  name: string,
  command: readonly string[],
  { input, env = {}, user = subject.user }: ExecOptions = {},
): Promise<{ readonly code: number; readonly stdout: string }> {
  const { uid, gid } = user;
  const stdin = input !== undefined;
  const options = { command, env, workdir: "/", uid, gid, tty: false, stdin };
  const running = await subject.runtime.exec(name, options);
  await using attachment = running.attachment;
  if (input !== undefined) {
    await attachment.write(new TextEncoder().encode(input));
    await attachment.closeInput();
  }
  const decoder = new TextDecoder();
  let stdout = "";
  for await (const { stream, data } of attachment.output) {
    if (stream === "stdout") stdout += decoder.decode(data, { stream: true });
  }
  return { code: (await running.wait()).code, stdout };
}

/** Kept output: what came on standard error first, then the rest, as streams are not ordered. */
async function logged(runtime: Runtime, name: string): Promise<string> {
  const chunks = await Array.fromAsync(runtime.logs(name, { follow: false }));
  const textOf = (wanted: string) =>
    chunks.filter(({ stream }) => stream === wanted)
      .map(({ data }) => new TextDecoder().decode(data)).join("");
  return textOf("stderr") + textOf("stdout");
}

async function untilLogged(runtime: Runtime, name: string, text: string): Promise<void> {
  let seen = "";
  for await (const { data } of runtime.logs(name, { follow: true })) {
    seen += new TextDecoder().decode(data);
    if (seen.includes(text)) return;
  }
  throw new Error(`"${name}" ended without "${text}": ${seen}`);
}

async function readBytes(stream: ByteStream): Promise<Uint8Array> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(65536);
  for (let count; (count = await stream.read(buffer)) !== null;) {
    pieces.push(buffer.slice(0, count));
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

function noSupervision(): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => Promise.resolve() };
}
