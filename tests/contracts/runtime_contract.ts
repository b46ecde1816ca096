/**
 * The suite that every runtime passes. A runtime's own test hands over how to make one; what it
 * cannot do is skipped by the case's name, with a reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHomeId, createRunId, engineName, runLabels } from "../../core/ids.ts";
import type {
  Attachment,
  ContainerSpec,
  Exec,
  ExecSpec,
  ExitStatus,
  LoggedChunk,
  OutputStream,
  Runtime,
} from "../../core/plugin/runtime.ts";
import { type ContractCases, type ContractOptions, registerContract } from "./contract_suite.ts";
import { hook, program } from "./programs.ts";

/** A runtime to test. Disposing removes everything that was made with it. */
export interface RuntimeSubject extends AsyncDisposable {
  readonly runtime: Runtime;
  /** The home whose labels `spec` sets. */
  readonly home: string;
  /** A spec that works here, with a name of its own, changed as asked. */
  spec(changes?: Partial<ContainerSpec>): ContainerSpec;
}

/** Registers the contract's tests. */
export function runtimeContract(name: string, options: ContractOptions<RuntimeSubject>): void {
  registerContract(RUNTIME_CASES, { ...options, name });
}

/** A spec with everything that a runtime does not decide; for `RuntimeSubject.spec`. */
export function baseSpec(home: string): ContainerSpec {
  const runId = createRunId();
  return {
    name: engineName(runId),
    runId,
    labels: runLabels(home, runId, "run"),
    image: undefined,
    isolation: "namespaces",
    command: ["true"],
    workdir: "/",
    env: {},
    hostname: "contract",
    mounts: [],
    network: { kind: "host" },
    dns: [],
    hosts: [],
    uid: 1000,
    gid: 1000,
    toolPaths: [],
    groups: [],
    privileged: false,
    limits: {},
    tty: false,
    stdin: false,
    detached: false,
  };
}

/** Collects what an attachment carries and lets a test wait for a text in it. */
class Transcript {
  readonly done: Promise<void>;
  readonly #texts = new Map<OutputStream, string>();
  readonly #decoder = new Map<OutputStream, TextDecoder>();
  #changed = Promise.withResolvers<void>();
  #ended = false;

  constructor(attachment: Attachment) {
    this.done = this.#collect(attachment);
  }

  get stdout(): string {
    return this.#texts.get("stdout") ?? "";
  }

  get stderr(): string {
    return this.#texts.get("stderr") ?? "";
  }

  get tty(): string {
    return this.#texts.get("tty") ?? "";
  }

  /** Resolves when the text has come on any stream. */
  async until(text: string): Promise<void> {
    while (![...this.#texts.values()].some((seen) => seen.includes(text))) {
      if (this.#ended) throw new Error(`Output ended without "${text}": ${this.#show()}`);
      await this.#changed.promise;
    }
  }

  async #collect(attachment: Attachment): Promise<void> {
    for await (const { stream, data } of attachment.output) {
      const decoder = this.#decoder.get(stream) ?? new TextDecoder();
      this.#decoder.set(stream, decoder);
      const seen = this.#texts.get(stream) ?? "";
      this.#texts.set(stream, seen + decoder.decode(data, { stream: true }));
      this.#signalChange();
    }
    this.#ended = true;
    this.#signalChange();
  }

  #signalChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #show(): string {
    return JSON.stringify(Object.fromEntries(this.#texts)).slice(0, 500);
  }
}

interface Running {
  readonly spec: ContainerSpec;
  readonly attachment: Attachment;
  readonly transcript: Transcript;
}

/** The suite. */
export const RUNTIME_CASES: ContractCases<RuntimeSubject> = {
  "a command runs and ends with 0": async (subject) => {
    const { status, stdout } = await run(subject, { command: program("print", "hello", "") });
    assert.deepEqual([status.code, status.oomKilled, stdout], [0, false, "hello"]);
  },

  "standard output and standard error stay apart": async (subject) => {
    const { stdout, stderr } = await run(subject, { command: program("print", "out", "err") });
    assert.deepEqual([stdout, stderr], ["out", "err"]);
  },

  "a container without a network is alone": async (subject) => {
    const { stdout } = await run(subject, {
      network: { kind: "none" },
      command: program("isolated"),
    });
    assert.equal(stdout, "alone\n");
  },

  "exit codes are the command's own": async (subject) => {
    for (const code of [1, 7, 42, 255]) {
      const { status } = await run(subject, { command: program("exit", code) });
      assert.equal(status.code, code);
    }
  },

  "a command that is not there ends with 127": async (subject) => {
    const { status } = await run(subject, { command: ["no-such-program-here"] });
    assert.equal(status.code, 127);
  },

  "a command that cannot be invoked ends with 126": async (subject) => {
    const { status } = await run(subject, { command: ["/etc/passwd"] });
    assert.equal(status.code, 126);
  },

  "death by a signal is 128 and its number": async (subject) => {
    const killed = await run(subject, { command: program("die", "KILL") });
    const terminated = await run(subject, { command: program("die", "TERM") });
    assert.deepEqual([killed.status.code, terminated.status.code], [137, 143]);
  },

  "arguments arrive exactly": async (subject) => {
    const odd = `a b  "c" 'd' $HOME \`e\` \\ ü\n*`;
    const { stdout } = await run(subject, { command: program("print", odd, "") });
    assert.equal(stdout, odd);
  },

  "standard input arrives, with its end": async (subject) => {
    const { stdout, status } = await run(subject, { command: program("copy"), stdin: true }, "abc");
    assert.deepEqual([stdout, status.code], ["abc", 0]);
  },

  "standard input is empty unless asked for": async (subject) => {
    const { stdout, status } = await run(subject, { command: program("copy"), stdin: false });
    assert.deepEqual([stdout, status.code], ["", 0]);
  },

  "input that nobody reads is lost without an error": async (subject) => {
    const spec = subject.spec({ command: program("exit", 0), stdin: true });
    await using running = await startAttached(subject, spec);
    await running.attachment.write(new Uint8Array(1000));
    const status = await subject.runtime.wait(spec.name);
    await running.attachment.write(new Uint8Array(1000));
    await running.attachment.closeInput();
    await running.attachment.closeInput();
    assert.equal(status.code, 0);
  },

  "a line of 10 MB arrives whole": async (subject) => {
    const bytes = 10_000_000;
    const { stdout } = await run(subject, { command: program("longLine", bytes) });
    assert.equal(stdout.length, bytes + "\nend\n".length);
    assert.equal(stdout.replace(/^x+/, ""), "\nend\n");
  },

  "1 MB goes in and comes out unchanged": async (subject) => {
    const bytes = new Uint8Array(1_000_000).map((_, index) => (index * 7919) % 251);
    const output = await runBytes(subject, { command: program("copy"), stdin: true }, bytes);
    assert.ok(equalBytes(output, bytes));
  },

  "binary output is unchanged": async (subject) => {
    const output = await runBytes(subject, { command: program("binary") });
    assert.deepEqual([...output], [0, 1, 255, 254, 10, 128]);
  },

  "variables, working directory and ids are as asked": async (subject) => {
    const workdir = "/tmp";
    const env = { GREETING: "hello  world", EMPTY: "" };
    const variable = await run(subject, { command: program("variable", "GREETING"), env });
    const directory = await run(subject, { command: program("workdir"), workdir });
    const ids = await run(subject, { command: program("ids") });
    const { uid, gid } = subject.spec();
    assert.deepEqual(
      [variable.stdout, directory.stdout, ids.stdout],
      ["hello  world\n", "/tmp\n", `${uid}:${gid}\n`],
    );
  },

  "an authority is there alone and in the bundle, and variables name both": async (subject) => {
    const certificate = "-----BEGIN CERTIFICATE-----\nTUE=\n-----END CERTIFICATE-----\n";
    const [file, bundle] = ["/.moat-test-ca.crt", "/opt/moat-test/bundle.crt"];
    await using base = await startIdle(subject, {
      authority: { certificate, file, bundle, env: { ALONE: file, MINE: file } },
      env: { MINE: "my own" },
    });
    const ask = async (...command: Parameters<typeof program>) =>
      (await exec(subject, base.spec, { command: program(...command) })).stdout;
    assert.equal(await ask("read", file), certificate);
    assert((await ask("read", bundle)).endsWith(`\n${certificate}`));
    assert.deepEqual(
      [await ask("variable", "ALONE"), await ask("variable", "MINE")],
      [`${file}\n`, "my own\n"],
    );
  },

  "the user has a home to write in": async (subject) => {
    const { stdout, stderr } = await run(subject, { command: program("useHome") });
    assert.deepEqual([stdout, stderr], ["home\n", ""]);
    const home = await run(subject, { command: program("variable", "HOME") });
    assert.equal(home.stdout, "/home/moatuser\n");
  },

  "a writable mount is written through, a read-only one is not": async (subject) => {
    await using directory = await temporaryDirectory();
    const mount = { kind: "bind", source: directory.path, target: "/mnt/shared" } as const;
    const write = (readOnly: boolean, file: string) =>
      run(subject, {
        command: program("write", `/mnt/shared/${file}`, "text"),
        mounts: [{ ...mount, readOnly }],
      });
    assert.equal((await write(false, "one")).status.code, 0);
    assert.equal((await write(true, "two")).status.code, 1);
    const names = [...Deno.readDirSync(directory.path)].map(({ name }) => name);
    assert.deepEqual(names, ["one"]);
    assert.equal(await Deno.readTextFile(`${directory.path}/one`), "text");
  },

  "a file can be mounted read-only into a writable mount": async (subject) => {
    await using directory = await temporaryDirectory();
    await Deno.writeTextFile(`${directory.path}/kept`, "before");
    const { status, stdout } = await run(subject, {
      command: program("write", "/mnt/shared/kept", "after"),
      mounts: [
        { kind: "bind", source: directory.path, target: "/mnt/shared", readOnly: false },
        {
          kind: "bind",
          source: `${directory.path}/kept`,
          target: "/mnt/shared/kept",
          readOnly: true,
        },
      ],
    });
    assert.deepEqual([status.code, stdout], [1, ""]);
    assert.equal(await Deno.readTextFile(`${directory.path}/kept`), "before");
  },

  "an empty directory of the user's own hides a subpath": async (subject) => {
    await using directory = await temporaryDirectory();
    await Deno.mkdir(`${directory.path}/cache`);
    await Deno.writeTextFile(`${directory.path}/cache/old`, "text");
    const mounts = [
      { kind: "bind", source: directory.path, target: "/mnt/shared", readOnly: false },
      { kind: "tmpfs", source: "", target: "/mnt/shared/cache", readOnly: false },
    ] as const;
    const read = await run(subject, { command: program("read", "/mnt/shared/cache/old"), mounts });
    const write = await run(subject, {
      command: program("write", "/mnt/shared/cache/new", "text"),
      mounts,
    });
    assert.deepEqual([read.status.code, write.status.code], [1, 0]);
    const names = [...Deno.readDirSync(`${directory.path}/cache`)].map(({ name }) => name);
    assert.deepEqual(names, ["old"]);
  },

  "the hook runs before the command, as the user; its failure is the end": async (subject) => {
    const good = await run(subject, {
      command: program("read", "/tmp/from-hook"),
      preRun: hook("writeUserId"),
    });
    assert.deepEqual([good.status.code, good.stdout], [0, `${subject.spec().uid}\n`]);
    const bad = await run(subject, {
      command: program("print", "never", ""),
      preRun: hook("fail"),
    });
    assert.deepEqual([bad.status.code, bad.stdout], [1, ""]);
  },

  "wait() answers at once when the command has ended, as often as asked": async (subject) => {
    const spec = subject.spec({ command: program("exit", 5) });
    await using _running = await startAttached(subject, spec);
    const first = await subject.runtime.wait(spec.name);
    const both = await Promise.all([
      subject.runtime.wait(spec.name),
      subject.runtime.wait(spec.name),
    ]);
    assert.deepEqual([first, ...both].map(({ code }) => code), [5, 5, 5]);
  },

  "wait() can be aborted and leaves the command alone": async (subject) => {
    const spec = subject.spec({ command: program("idle") });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    const abort = new AbortController();
    const waiting = subject.runtime.wait(spec.name, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    assert.equal((await subject.runtime.inspect(spec.name))?.status, "running");
  },

  "stop() lets the command end itself": async (subject) => {
    const spec = subject.spec({ command: program("react", "TERM", 3) });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await subject.runtime.stop(spec.name, { graceMs: 20_000 });
    const { code } = await subject.runtime.wait(spec.name);
    await running.transcript.done;
    assert.deepEqual([code, running.transcript.stdout], [3, "ready\ngot\n"]);
  },

  "stop() kills what does not end in time": async (subject) => {
    const spec = subject.spec({ command: program("stubborn") });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await subject.runtime.stop(spec.name, { graceMs: 1000 });
    assert.equal((await subject.runtime.wait(spec.name)).code, 137);
  },

  "stop() and kill() are idempotent, also for what never was": async (subject) => {
    const { runtime } = subject;
    const spec = subject.spec({ command: program("exit", 4) });
    await using _running = await startAttached(subject, spec);
    await runtime.wait(spec.name);
    await runtime.stop(spec.name);
    await runtime.stop(spec.name);
    await runtime.kill(spec.name, "SIGTERM");
    await runtime.stop("moat-run_000000000000");
    await runtime.kill("moat-run_000000000000", "SIGKILL");
    assert.equal((await runtime.wait(spec.name)).code, 4);
  },

  "kill() sends the signal to the command": async (subject) => {
    for (const signal of ["USR1", "INT", "HUP"]) {
      const spec = subject.spec({ command: program("react", signal, 9) });
      await using running = await startAttached(subject, spec);
      await running.transcript.until("ready");
      await subject.runtime.kill(spec.name, `SIG${signal}`);
      assert.equal((await subject.runtime.wait(spec.name)).code, 9);
    }
  },

  "an interrupt ends a command that does not catch it": async (subject) => {
    const spec = subject.spec({ command: program("idle") });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await subject.runtime.kill(spec.name, "SIGINT");
    assert.equal((await subject.runtime.wait(spec.name)).code, 130);
  },

  "remove() ends a running command and is idempotent": async (subject) => {
    const { runtime } = subject;
    const spec = subject.spec({ command: program("idle") });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    const resource = { kind: "container", name: spec.name } as const;
    await runtime.remove(resource);
    await running.transcript.done;
    await runtime.remove(resource);
    await runtime.remove({ kind: "container", name: "moat-run_000000000000" });
    assert.equal(await runtime.inspect(spec.name), undefined);
    assert.deepEqual(await runtime.list(subject.home), []);
  },

  "inspect() tells created, running and exited": async (subject) => {
    const { runtime } = subject;
    const spec = subject.spec({ command: program("react", "TERM", 6) });
    await runtime.create(spec);
    const created = await runtime.inspect(spec.name);
    assert.equal(created?.status, "created");
    assert.equal(created?.isolation, spec.isolation);
    await using running = await startCreated(subject, spec);
    await running.transcript.until("ready");
    const live = await runtime.inspect(spec.name);
    assert.equal(live?.status, "running");
    assert.ok(live?.startedAt instanceof Date);
    await runtime.stop(spec.name);
    await runtime.wait(spec.name);
    const exited = await runtime.inspect(spec.name);
    assert.equal(exited?.status, "exited");
    assert.equal(exited?.exit?.code, 6);
    assert.ok(exited?.finishedAt !== undefined && exited.finishedAt >= live.startedAt);
    assert.notEqual(exited.isolatedBy, "");
  },

  "list() shows one home's resources, not another's": async (subject) => {
    const { runtime, home } = subject;
    const other = createHomeId();
    const ours = subject.spec();
    const theirs = subject.spec();
    const theirSpec = { ...theirs, labels: runLabels(other, theirs.runId, "run") };
    await runtime.create(ours);
    await runtime.create(theirSpec);
    try {
      assert.deepEqual(await runtime.list(home), [{
        kind: "container",
        name: ours.name,
        runId: ours.runId,
        role: "run",
        running: false,
      }]);
      assert.deepEqual((await runtime.list(other)).map(({ name }) => name), [theirs.name]);
    } finally {
      await runtime.remove({ kind: "container", name: theirs.name });
    }
  },

  "create() refuses a name in use and leaves its holder alone": async (subject) => {
    const spec = subject.spec({ command: program("idle") });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await assert.rejects(subject.runtime.create(spec));
    assert.equal((await subject.runtime.inspect(spec.name))?.status, "running");
  },

  "create() that is aborted leaves nothing": async (subject) => {
    const { runtime, home } = subject;
    await assert.rejects(runtime.create(subject.spec(), { signal: AbortSignal.abort() }));
    const abort = new AbortController();
    const creating = runtime.create(subject.spec(), { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(creating, /enough/);
    const left = await runtime.list(home);
    for (const resource of left) await runtime.remove(resource);
    assert.deepEqual(left, []);
  },

  "closing an attachment leaves the command running": async (subject) => {
    const spec = subject.spec({ command: program("idle"), tty: false });
    const running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await running[Symbol.asyncDispose]();
    await running.transcript.done;
    assert.equal((await subject.runtime.inspect(spec.name))?.status, "running");
  },

  "a detached command's output and exit code are kept": async (subject) => {
    const spec = subject.spec({ command: program("print", "out", "err"), detached: true });
    await startDetached(subject, spec);
    const { code } = await subject.runtime.wait(spec.name);
    const logged = await collectLogs(subject.runtime, spec.name, { follow: false });
    assert.deepEqual([code, textOf(logged, "stdout"), textOf(logged, "stderr")], [0, "out", "err"]);
  },

  "kept output is binary-safe and keeps long lines": async (subject) => {
    const binary = subject.spec({ command: program("binary"), detached: true });
    const long = subject.spec({ command: program("longLine", 1_000_000), detached: true });
    for (const spec of [binary, long]) {
      await startDetached(subject, spec);
      await subject.runtime.wait(spec.name);
    }
    const bytes = await collectLogs(subject.runtime, binary.name, { follow: false });
    assert.deepEqual(bytes.flatMap(({ data }) => [...data]), [0, 1, 255, 254, 10, 128]);
    const text = textOf(await collectLogs(subject.runtime, long.name, { follow: true }), "stdout");
    assert.ok(text === `${"x".repeat(1_000_000)}\nend\n`);
  },

  "kept output continues behind any cursor, each piece once": async (subject) => {
    const spec = subject.spec({ command: program("count", 500), detached: true });
    await startDetached(subject, spec);
    await subject.runtime.wait(spec.name);
    const all = await collectLogs(subject.runtime, spec.name, { follow: false });
    const whole = all.map(({ data }) => decode(data));
    assert.equal(textOf(all, "stdout").split("\n").length, 501);
    assert.equal(textOf(all, "stderr"), "error 100\nerror 200\nerror 300\nerror 400\nerror 500\n");
    const times = all.filter(({ stream }) => stream === "stdout").map(({ time }) => +time);
    assert.deepEqual(times, times.toSorted((one, other) => one - other));
    for (const at of [0, 1, Math.floor(all.length / 2), all.length - 1]) {
      const after = all[at]?.cursor;
      assert.ok(after !== undefined);
      const rest = await collectLogs(subject.runtime, spec.name, { follow: false, after });
      assert.equal(rest.map(({ data }) => decode(data)).join(""), whole.slice(at + 1).join(""));
    }
  },

  "following kept output ends when the command does": async (subject) => {
    await using directory = await temporaryDirectory();
    const spec = subject.spec({
      command: program("awaitFile", "/mnt/shared/go", "went"),
      mounts: [{ kind: "bind", source: directory.path, target: "/mnt/shared", readOnly: false }],
      detached: true,
    });
    await startDetached(subject, spec);
    const following = collectLogs(subject.runtime, spec.name, { follow: true });
    await Deno.writeTextFile(`${directory.path}/go`, "");
    assert.equal(textOf(await following, "stdout"), "went\n");
  },

  "following kept output can be aborted": async (subject) => {
    const spec = subject.spec({ command: program("idle"), detached: true });
    await startDetached(subject, spec);
    const abort = new AbortController();
    const read = async () => {
      for await (
        const { data } of subject.runtime.logs(spec.name, { follow: true, signal: abort.signal })
      ) {
        if (decode(data).includes("ready")) abort.abort(new Error("enough"));
      }
    };
    await assert.rejects(read(), /enough/);
  },

  "exec() runs a command beside the first": async (subject) => {
    await using base = await startIdle(subject);
    const { stdout, stderr, status } = await exec(subject, base.spec, {
      command: program("print", "out", "err"),
    });
    assert.deepEqual([stdout, stderr, status.code], ["out", "err", 0]);
    const coded = await exec(subject, base.spec, { command: program("exit", 42) });
    const missing = await exec(subject, base.spec, { command: ["no-such-program-here"] });
    assert.deepEqual([coded.status.code, missing.status.code], [42, 127]);
  },

  "exec() forwards input and sets variables, directory and ids": async (subject) => {
    await using base = await startIdle(subject);
    const copied = await exec(subject, base.spec, { command: program("copy"), stdin: true }, "abc");
    const variable = await exec(subject, base.spec, {
      command: program("variable", "GREETING"),
      env: { GREETING: "hello" },
    });
    const directory = await exec(subject, base.spec, {
      command: program("workdir"),
      workdir: "/tmp",
    });
    const ids = await exec(subject, base.spec, { command: program("ids") });
    assert.deepEqual(
      [copied.stdout, variable.stdout, directory.stdout, ids.stdout],
      ["abc", "hello\n", "/tmp\n", `${base.spec.uid}:${base.spec.gid}\n`],
    );
  },

  "exec() can be signalled": async (subject) => {
    await using base = await startIdle(subject);
    const running = await startExec(subject, base.spec, { command: program("react", "TERM", 8) });
    await using _attachment = running.exec.attachment;
    await running.transcript.until("ready");
    await running.exec.kill("SIGTERM");
    assert.equal((await running.exec.wait()).code, 8);
    assert.equal((await subject.runtime.inspect(base.spec.name))?.status, "running");
  },

  "a terminal is a terminal of the size asked for": async (subject) => {
    const spec = subject.spec({
      command: program("sizes"),
      tty: true,
      stdin: true,
      size: { columns: 91, rows: 31 },
    });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await type(running.attachment, "\n");
    await running.transcript.until("31 91");
    await running.attachment.resize({ columns: 120, rows: 40 });
    await type(running.attachment, "\n");
    await running.transcript.until("40 120");
    await type(running.attachment, "\x04");
    const { code } = await subject.runtime.wait(spec.name);
    await running.transcript.done;
    assert.deepEqual([code, running.transcript.stdout], [0, ""]);
  },

  "all three streams are the terminal": async (subject) => {
    const spec = subject.spec({ command: program("terminal"), tty: true, stdin: true });
    await using running = await startAttached(subject, spec);
    await subject.runtime.wait(spec.name);
    await running.transcript.done;
    assert.match(running.transcript.tty, /^terminal\r\n/);
  },

  "Ctrl-C on a terminal goes to the command": async (subject) => {
    const spec = subject.spec({ command: program("react", "INT", 12), tty: true, stdin: true });
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    await type(running.attachment, "\x03");
    await running.transcript.until("got");
    assert.equal((await subject.runtime.wait(spec.name)).code, 12);
  },

  "exec() on a terminal has the size asked for": async (subject) => {
    await using base = await startIdle(subject);
    const running = await startExec(subject, base.spec, {
      command: program("sizes"),
      tty: true,
      stdin: true,
      size: { columns: 91, rows: 31 },
    });
    await using attachment = running.exec.attachment;
    await running.transcript.until("ready");
    await type(attachment, "\n");
    await running.transcript.until("31 91");
    await attachment.resize({ columns: 70, rows: 20 });
    await type(attachment, "\n");
    await running.transcript.until("20 70");
    await type(attachment, "\x04");
    assert.equal((await running.exec.wait()).code, 0);
  },

  "attach() connects to a running command again": async (subject) => {
    const { runtime } = subject;
    assert.ok(runtime.reattach !== undefined);
    const spec = subject.spec({
      command: program("printTwice", "first", "second"),
      tty: true,
      stdin: true,
    });
    const running = await startAttached(subject, spec);
    await running.transcript.until("first");
    await running[Symbol.asyncDispose]();
    await using attachment = await runtime.reattach.attach(spec.name, { tty: true });
    const transcript = new Transcript(attachment);
    await type(attachment, "\n");
    await transcript.until("second");
    assert.equal((await runtime.wait(spec.name)).code, 0);
    const kept = await collectLogs(runtime, spec.name, { follow: false });
    assert.match(textOf(kept, "tty"), /first\r\n(.|\s)*second\r\n/);
  },

  "the memory of what runs is told, and of nothing else": async (subject) => {
    const { runtime } = subject;
    // Where it cannot be told, nobody asks.
    if (runtime.residentBytes === undefined) return;
    const spec = subject.spec({ command: program("react", "TERM", 0) });
    assert.equal(await runtime.residentBytes(spec.name), undefined);
    await using running = await startAttached(subject, spec);
    await running.transcript.until("ready");
    const bytes = await runtime.residentBytes(spec.name) ?? 0;
    assert.ok(bytes > 100_000 && bytes < 100_000_000, String(bytes));
    await runtime.stop(spec.name);
    assert.equal(await runtime.residentBytes(spec.name), undefined);
  },

  "a volume is made once, keeps its labels, and goes when it is removed": async (subject) => {
    const { runtime, home } = subject;
    // Where there are no volumes, nothing can be wrong with them.
    if (runtime.volumes === undefined) return;
    const runId = createRunId();
    const name = `moat-contract-${runId.replace("_", "-")}`;
    const labels = runLabels(home, runId, "volume");
    const other = runLabels(home, createRunId(), "volume");
    try {
      assert.deepEqual(await runtime.volumes.ensure({ name, labels }), labels);
      assert.deepEqual(await runtime.volumes.ensure({ name, labels: other }), labels);
      const found = (await runtime.list(home)).filter(({ kind }) => kind === "volume");
      assert.deepEqual(found.map((volume) => [volume.name, volume.role]), [[name, "volume"]]);
    } finally {
      await runtime.remove({ kind: "volume", name });
    }
    await runtime.remove({ kind: "volume", name });
    assert.deepEqual(await runtime.list(home), []);
  },

  "an image is there with its id, or it is not and cannot be pulled": async (subject) => {
    const { runtime: { images } } = subject;
    const { image } = subject.spec();
    // Where there are no images, nothing can be wrong with them.
    if (images === undefined || image === undefined) return;
    const nowhere = "localhost:1/moat-contract:none";
    assert.deepEqual([await images.exists(image), await images.exists(nowhere)], [true, false]);
    assert.match(await images.id(image) ?? "", /^sha256:/);
    assert.equal(await images.id(nowhere), undefined);
    await assert.rejects(images.pull(nowhere), { name: "MoatError", message: /moat-contract/ });
    assert.equal(await images.exists(nowhere), false);
    assert.equal(await images.untag(nowhere), true);
  },

  "many at once do not disturb each other": async (subject) => {
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, index) => {
        const command = program("print", `number ${index}`, "");
        return run(subject, { command });
      }),
    );
    assert.deepEqual(
      results.map(({ stdout }) => stdout),
      ["number 0", "number 1", "number 2", "number 3", "number 4"],
    );
  },
};

interface Outcome {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end, attached, and removes the container. */
async function run(
  subject: RuntimeSubject,
  changes: Partial<ContainerSpec>,
  input?: string,
): Promise<Outcome> {
  const spec = subject.spec(changes);
  await using running = await startAttached(subject, spec);
  if (input !== undefined) await type(running.attachment, input);
  if (spec.stdin) await running.attachment.closeInput();
  const [status] = await Promise.all([
    subject.runtime.wait(spec.name),
    running.transcript.done,
  ]);
  const { stdout, stderr } = running.transcript;
  return { status, stdout, stderr };
}

async function runBytes(
  subject: RuntimeSubject,
  changes: Partial<ContainerSpec>,
  input?: Uint8Array,
): Promise<Uint8Array> {
  const spec = subject.spec(changes);
  const { runtime } = subject;
  await runtime.create(spec);
  const attachment = await runtime.start(spec);
  assert.ok(attachment !== undefined);
  await using _attachment = attachment;
  const feeding = (async () => {
    if (input !== undefined) await attachment.write(input);
    if (spec.stdin) await attachment.closeInput();
  })();
  const pieces: number[][] = [];
  for await (const { data } of attachment.output) pieces.push([...data]);
  await feeding;
  await runtime.wait(spec.name);
  await runtime.remove({ kind: "container", name: spec.name });
  return new Uint8Array(pieces.flat());
}

async function startAttached(
  subject: RuntimeSubject,
  spec: ContainerSpec,
): Promise<Running & AsyncDisposable> {
  await subject.runtime.create(spec);
  return await startCreated(subject, spec);
}

async function startCreated(
  { runtime }: RuntimeSubject,
  spec: ContainerSpec,
): Promise<Running & AsyncDisposable> {
  const attachment = await runtime.start(spec);
  assert.ok(attachment !== undefined, "start() attaches unless detached");
  return {
    spec,
    attachment,
    transcript: new Transcript(attachment),
    [Symbol.asyncDispose]: () => attachment[Symbol.asyncDispose](),
  };
}

async function startDetached({ runtime }: RuntimeSubject, spec: ContainerSpec): Promise<void> {
  await runtime.create(spec);
  assert.equal(await runtime.start(spec), undefined);
}

async function startIdle(
  subject: RuntimeSubject,
  changes: Partial<ContainerSpec> = {},
): Promise<Running & AsyncDisposable> {
  const spec = subject.spec({ ...changes, command: program("idle") });
  const running = await startAttached(subject, spec);
  await running.transcript.until("ready");
  return running;
}

async function startExec(
  { runtime }: RuntimeSubject,
  { name, uid, gid }: ContainerSpec,
  changes: Partial<ExecSpec> & Pick<ExecSpec, "command">,
): Promise<{ exec: Exec; transcript: Transcript }> {
  const exec = await runtime.exec(name, {
    env: {},
    workdir: "/",
    uid,
    gid,
    tty: false,
    stdin: false,
    ...changes,
  });
  return { exec, transcript: new Transcript(exec.attachment) };
}

async function exec(
  subject: RuntimeSubject,
  base: ContainerSpec,
  changes: Partial<ExecSpec> & Pick<ExecSpec, "command">,
  input?: string,
): Promise<Outcome> {
  const { exec, transcript } = await startExec(subject, base, changes);
  await using attachment = exec.attachment;
  if (input !== undefined) await type(attachment, input);
  if (changes.stdin) await attachment.closeInput();
  const [status] = await Promise.all([exec.wait(), transcript.done]);
  return { status, stdout: transcript.stdout, stderr: transcript.stderr };
}

async function collectLogs(
  runtime: Runtime,
  name: string,
  options: { readonly follow: boolean; readonly after?: string },
): Promise<readonly LoggedChunk[]> {
  return await Array.fromAsync(runtime.logs(name, options));
}

function textOf(chunks: readonly LoggedChunk[], stream: OutputStream): string {
  return chunks.filter((chunk) => chunk.stream === stream).map(({ data }) => decode(data)).join("");
}

function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

function type(attachment: Attachment, text: string): Promise<void> {
  return attachment.write(new TextEncoder().encode(text));
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** World-readable, as containers run as another user. */
async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "moat-contract-" });
  await Deno.chmod(path, 0o777);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
