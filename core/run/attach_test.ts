import assert from "node:assert/strict";
import type { Stdio } from "../context.ts";
import type { ExitStatus, OutputChunk } from "../plugin/runtime.ts";
import { type AttachedCommand, type AttachOutcome, attachRun } from "./attach.ts";

type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** A command whose output and end the test decides. */
class FakeCommand {
  readonly calls: string[] = [];
  readonly inputs: string[] = [];
  readonly ended = Promise.withResolvers<ExitStatus>();
  readonly #chunks = new TransformStream<OutputChunk, OutputChunk>();
  readonly #writer = this.#chunks.writable.getWriter();

  emit(stream: "stdout" | "stderr", text: string | Uint8Array): Promise<void> {
    const data = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.#writer.write({ stream, data });
  }

  async end(code: number): Promise<void> {
    await this.#writer.close();
    this.ended.resolve({ code, oomKilled: false });
  }

  attached(overrides: Partial<AttachedCommand> = {}): AttachedCommand {
    return {
      attachment: {
        output: this.#chunks.readable,
        write: (data) => {
          this.inputs.push(new TextDecoder().decode(data));
          return Promise.resolve();
        },
        closeInput: () => {
          this.calls.push("closeInput");
          return Promise.resolve();
        },
        resize: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      tty: false,
      wait: () => this.ended.promise,
      stop: (cause, graceMs) => {
        this.calls.push(`stop ${cause} ${graceMs}`);
        return Promise.resolve();
      },
      kill: (signal) => {
        this.calls.push(`kill ${signal}`);
        return Promise.resolve();
      },
      ...overrides,
    };
  }
}

/** The user's side. */
class FakeUser {
  readonly said: string[] = [];
  readonly written: string[] = [];
  readonly interrupted = new AbortController();
  readonly input = new TransformStream<Uint8Array, Uint8Array>();
  #handler: ((signal: Signal) => void) | undefined;
  readonly stdio: Stdio;

  constructor(overrides: Partial<Stdio> = {}) {
    const keep = (label: string) => (data: Uint8Array | string) => {
      this.written.push(
        `${label}:${typeof data === "string" ? data : new TextDecoder().decode(data)}`,
      );
    };
    this.stdio = {
      input: this.input.readable,
      output: keep("out"),
      error: keep("err"),
      inputIsTerminal: false,
      outputIsTerminal: false,
      errorIsTerminal: false,
      size: () => undefined,
      ...overrides,
    };
  }

  onSignal(handler: (signal: Signal) => void): Disposable {
    this.#handler = handler;
    return { [Symbol.dispose]: () => this.#handler = undefined };
  }

  press(signal: Signal): void {
    this.#handler?.(signal);
  }

  attach(
    command: AttachedCommand,
    options: { timeoutMs?: number; isGuest?: boolean } = {},
  ): Promise<AttachOutcome> {
    const { stdio } = this;
    const onSignal = (handler: (signal: Signal) => void) => this.onSignal(handler);
    const { signal } = this.interrupted;
    return attachRun(command, { stdio, signal, onSignal }, {
      ...options,
      say: (text) => this.said.push(text),
    });
  }
}

Deno.test("attachRun() keeps the order of both streams and returns the status", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  const logged: string[] = [];
  const outcome = user.attach(command.attached({
    record: ({ stream, data }) => {
      logged.push(`${stream}:${new TextDecoder().decode(data)}`);
      return Promise.resolve();
    },
  }));
  await command.emit("stdout", "one");
  await command.emit("stderr", "two");
  await command.emit("stdout", "three");
  await command.end(7);
  assert.deepEqual(await outcome, { kind: "exited", status: { code: 7, oomKilled: false } });
  assert.deepEqual(user.written, ["out:one", "err:two", "out:three"]);
  assert.deepEqual(logged, ["stdout:one", "stderr:two", "stdout:three"]);
});

Deno.test("attachRun() takes no further output while the user's reader is slow", async () => {
  const command = new FakeCommand();
  const first = Promise.withResolvers<void>();
  let writes = 0;
  const user = new FakeUser({ output: () => ++writes === 1 ? first.promise : undefined });
  const outcome = user.attach(command.attached());
  let accepted = 0;
  const emitting = (async () => {
    for (let i = 0; i < 10; i++) {
      await command.emit("stdout", "x");
      accepted++;
    }
  })();
  await new Promise((resolve) => setTimeout(resolve));
  assert(accepted < 4, `${accepted} pieces were taken`);
  first.resolve();
  await emitting;
  await command.end(0);
  await outcome;
  assert.equal(writes, 10);
});

Deno.test("attachRun() forwards input and its end", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  const outcome = user.attach(command.attached());
  const writer = user.input.writable.getWriter();
  await writer.write(new TextEncoder().encode("x\n"));
  await writer.close();
  await command.end(0);
  await outcome;
  assert.deepEqual([command.inputs, command.calls], [["x\n"], ["closeInput"]]);
});

Deno.test("attachRun() stops at the first Ctrl-C and kills at the second", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  const outcome = user.attach(command.attached());
  user.press("SIGINT");
  assert.deepEqual(command.calls, ["stop SIGINT 10000"]);
  user.press("SIGINT");
  assert.deepEqual(command.calls, ["stop SIGINT 10000", "kill SIGKILL"]);
  await command.end(137);
  assert.deepEqual(await outcome, {
    kind: "stopped",
    signal: "SIGINT",
    status: { code: 137, oomKilled: false },
  });
  assert.match(user.said.join(), /Ctrl-C again to kill/);
});

for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  Deno.test(`attachRun() stops at ${signal}`, async () => {
    const command = new FakeCommand();
    const user = new FakeUser();
    const outcome = user.attach(command.attached());
    user.press(signal);
    await command.end(143);
    assert.equal((await outcome).kind, "stopped");
    assert.deepEqual(command.calls, [`stop ${signal} 10000`]);
  });
}

Deno.test("attachRun() only leaves somebody else's run at a signal", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  const outcome = user.attach(command.attached(), { isGuest: true });
  user.press("SIGINT");
  assert.deepEqual(await outcome, { kind: "detached" });
  assert.deepEqual(command.calls, []);
  await command.end(0);
});

Deno.test("attachRun() ends the command after the time-out", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  const attached = command.attached({
    stop: () => command.end(143),
  });
  const outcome = await user.attach(attached, { timeoutMs: 1 });
  assert.deepEqual(outcome, { kind: "timed-out", status: { code: 143, oomKilled: false } });
});

Deno.test("attachRun() stops a command whose output nobody reads, and logs on", async () => {
  const command = new FakeCommand();
  const user = new FakeUser({
    output: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  });
  const logged: string[] = [];
  const outcome = user.attach(command.attached({
    record: ({ data }) => {
      logged.push(new TextDecoder().decode(data));
      return Promise.resolve();
    },
  }));
  await command.emit("stdout", "one");
  await command.emit("stdout", "two");
  await command.end(143);
  assert.equal((await outcome).kind, "stopped");
  assert.deepEqual([logged, command.calls], [["one", "two"], ["stop SIGPIPE 1000"]]);
});

Deno.test("attachRun() fails when the output fails", async () => {
  const user = new FakeUser();
  const command = new FakeCommand();
  async function* failing(): AsyncGenerator<OutputChunk> {
    await Promise.resolve();
    yield { stream: "stdout", data: new Uint8Array() };
    throw new TypeError("broken");
  }
  const attached = command.attached();
  const attachment = { ...attached.attachment, output: failing() };
  await assert.rejects(user.attach({ ...attached, attachment }), /broken/);
});

Deno.test("attachRun() stops a command when the user interrupted before it was attached", async () => {
  const command = new FakeCommand();
  const user = new FakeUser();
  user.interrupted.abort();
  const outcome = user.attach(command.attached());
  assert.deepEqual(command.calls, ["stop SIGINT 10000"]);
  await command.end(143);
  assert.equal((await outcome).kind, "stopped");
});
