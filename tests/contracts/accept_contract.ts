/**
 * The suite for runtimes with `accept`: connections that are made inside a container and come here.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  AcceptOptions,
  ByteStream,
  ContainerSpec,
  Exec,
  InsidePort,
} from "../../core/plugin/runtime.ts";
import { reportSkip } from "../helpers/machine.ts";
import { readText, writeAll } from "../helpers/stream_pair.ts";
import type { ContractCases, ContractOptions } from "./contract_suite.ts";
import { program } from "./programs.ts";
import type { RuntimeSubject } from "./runtime_contract.ts";

const DEADLINE_MS = 90_000;
const PORT = 7002;
const HOST = "127.0.0.1";
const MEBIBYTE = 1024 * 1024;

/** A runtime to test, whose containers have a network of their own. */
export interface AcceptSubject extends RuntimeSubject {
  /**
   * Another process that accepts there, says "hello" and nothing more; disposing kills it. Absent
   * where other processes cannot.
   */
  acceptElsewhere?(name: string, port: number): Promise<AsyncDisposable>;
}

/** Options of {@linkcode acceptContract}. */
export type AcceptContractOptions = ContractOptions<AcceptSubject>;

/** Registers the contract's tests. */
export function acceptContract(
  name: string,
  { make, skip = {}, ignore = false }: AcceptContractOptions,
): void {
  for (const unknown of Object.keys(skip).filter((title) => !Object.hasOwn(ACCEPT_CASES, title))) {
    throw new TypeError(`${name} skips a case that is not there: ${unknown}`);
  }
  for (const [title, reason] of Object.entries(skip)) {
    if (!ignore) reportSkip(`${name}: ${title}: ${reason}`);
  }
  Deno.test({
    name: `${name}: accept()`,
    ignore,
    // All in one container, as containers take longer than what is tested.
    async fn(test) {
      await using inside = await makeInside(make);
      for (const [title, check] of Object.entries(ACCEPT_CASES)) {
        await test.step({
          name: title,
          ignore: Object.hasOwn(skip, title),
          fn: () => withDeadline(check(inside)),
        });
      }
    },
  });
}

/** A running container. Disposing ends its relay and its runtime, with what was run in it. */
export class Inside implements AsyncDisposable {
  readonly #subject: AcceptSubject;
  readonly #spec: ContainerSpec;
  readonly #supervision: AsyncDisposable | undefined;

  constructor(
    subject: AcceptSubject,
    spec: ContainerSpec,
    supervision: AsyncDisposable | undefined,
  ) {
    this.#subject = subject;
    this.#spec = spec;
    this.#supervision = supervision;
  }

  /** Accepts at the port; each connection is served by the function, then closed. */
  async accept(
    serve: (stream: ByteStream) => Promise<unknown> | void,
    options: Partial<AcceptOptions> = {},
  ): Promise<InsidePort> {
    const { runtime } = this.#subject;
    assert.ok(runtime.accept !== undefined);
    return await runtime.accept(this.#spec.name, PORT, {
      serve: (stream) =>
        void Promise.resolve(serve(stream))
          // What a client breaks off is no failure here.
          .catch((error) => assert.ok(isBroken(error), String(error)))
          .finally(() => stream.close()),
      ...options,
    });
  }

  async acceptElsewhere(): Promise<AsyncDisposable> {
    const acceptor = await this.#subject.acceptElsewhere?.(this.#spec.name, PORT);
    assert.ok(acceptor !== undefined);
    return acceptor;
  }

  async start(command: readonly string[]): Promise<Exec> {
    const { uid, gid, name } = this.#spec;
    const { runtime } = this.#subject;
    const spec = { command, env: {}, workdir: "/", uid, gid, tty: false, stdin: false };
    return await runtime.exec(name, spec);
  }

  /** The output of a command that ends with 0. */
  async run(command: readonly string[]): Promise<string> {
    const { code, output } = await outcome(await this.start(command));
    assert.equal(code, 0, output);
    return output;
  }

  /** The exit code of a command. */
  async codeOf(command: readonly string[]): Promise<number> {
    return (await outcome(await this.start(command))).code;
  }

  async stop(): Promise<void> {
    await this.#subject.runtime.stop(this.#spec.name, { graceMs: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervision?.[Symbol.asyncDispose]();
    await this.#subject[Symbol.asyncDispose]();
  }
}

/** The suite, in order: the last ones stop the container. */
export const ACCEPT_CASES: ContractCases<Inside> = {
  "a connection from inside carries bytes both ways": async (inside) => {
    await using _port = await inside.accept(answer);
    assert.equal(await inside.run(program("request", HOST, PORT, "one")), "heard one");
    assert.equal(await inside.run(program("request", HOST, PORT, "two")), "heard two");
  },

  "two thousand connections at once each get their own answer": async (inside) => {
    await using _port = await inside.accept(answer);
    const answers = await inside.run(program("requests", HOST, PORT, 2000));
    const numbers = Array.from({ length: 2000 }, (_, index) => index + 1);
    assert.equal(answers, numbers.map((number) => `heard number ${number}\n`).join(""));
  },

  "a server that ends its side first still hears the client": async (inside) => {
    const heard = Promise.withResolvers<string>();
    await using _port = await inside.accept(async (stream) => {
      await writeAll(stream, encode("hello"));
      await stream.closeWrite();
      heard.resolve(await readText(stream));
    });
    assert.equal(await inside.run(program("hearFirst", HOST, PORT, "goodbye")), "hello");
    assert.equal(await heard.promise, "goodbye");
  },

  "8 MiB go in and come out unchanged": async (inside) => {
    const bytes = new Uint8Array(8 * MEBIBYTE).map((_, index) => (index * 7919) % 251);
    const back = Promise.withResolvers<Uint8Array>();
    await using _port = await inside.accept(async (stream) => {
      const reading = readBytes(stream, bytes.length);
      await writeAll(stream, bytes);
      await stream.closeWrite();
      back.resolve(await reading);
    });
    await inside.run(program("echoClient", HOST, PORT));
    const received = await back.promise;
    assert.ok(received.every((byte, index) => byte === bytes[index]));
    assert.equal(received.length, bytes.length);
  },

  "a connection that nobody reads does not hold up another": async (inside) => {
    const bytes = 4 * MEBIBYTE;
    const flooded = Promise.withResolvers<ByteStream>();
    let isFirst = true;
    await using _port = await inside.accept((stream) => {
      if (!isFirst) return answer(stream);
      isFirst = false;
      flooded.resolve(stream);
      return count.promise;
    });
    const count = Promise.withResolvers<void>();
    const flood = outcome(await inside.start(program("flood", HOST, PORT, bytes)));
    const stream = await flooded.promise;
    assert.equal(await inside.run(program("request", HOST, PORT, "one")), "heard one");
    assert.equal((await readBytes(stream, bytes)).length, bytes);
    count.resolve();
    assert.deepEqual(await flood, { code: 0, output: "sent\n" });
  },

  "a client that reads nothing holds up its own connection alone": async (inside) => {
    const data = new Uint8Array(16 * MEBIBYTE);
    const began = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    let isOver = false;
    let isFirst = true;
    await using _port = await inside.accept((stream) => {
      if (!isFirst) return answer(stream);
      isFirst = false;
      began.resolve();
      const writing = writeAll(stream, data).finally(() => isOver = true);
      writing.then(over.resolve, over.reject);
      return writing;
    });
    const deaf = await inside.start(program("deaf", HOST, PORT));
    await began.promise;
    assert.equal(await inside.run(program("request", HOST, PORT, "one")), "heard one");
    assert.equal(isOver, false);
    // What it has not read makes its end a broken connection.
    const breaking = assert.rejects(over.promise, isBroken);
    await deaf.kill("SIGKILL");
    await breaking;
    await deaf.wait();
    await deaf.attachment[Symbol.asyncDispose]();
  },

  "what is closed here ends inside, and the other way round": async (inside) => {
    const opened = Promise.withResolvers<ByteStream>();
    const reads = Promise.withResolvers<unknown>();
    let isFirst = true;
    await using _port = await inside.accept((stream) => {
      if (!isFirst) {
        return stream.read(new Uint8Array(1)).then(reads.resolve, reads.resolve);
      }
      isFirst = false;
      opened.resolve(stream);
    });
    // Closed as soon as it is served, while its client waits for an answer.
    assert.equal(await inside.run(program("request", HOST, PORT, "")), "");
    const stream = await opened.promise;
    assert.equal(await stream.read(new Uint8Array(1)), null);
    await assert.rejects(stream.write(new Uint8Array(1)));
    const deaf = await inside.start(program("deaf", HOST, PORT));
    await firstOutput(deaf);
    await deaf.kill("SIGKILL");
    const read = await reads.promise;
    assert.ok(read === null || isBroken(read));
    await deaf.attachment[Symbol.asyncDispose]();
  },

  "closing an accepted connection ends a read that waits": async (inside) => {
    const opened = Promise.withResolvers<ByteStream>();
    await using _port = await inside.accept((stream) => {
      opened.resolve(stream);
      return new Promise(() => {});
    });
    const deaf = await inside.start(program("deaf", HOST, PORT));
    const stream = await opened.promise;
    const reading = stream.read(new Uint8Array(1));
    stream.close();
    assert.equal(await reading, null);
    stream.close();
    await deaf.kill("SIGKILL");
    await deaf.attachment[Symbol.asyncDispose]();
  },

  "a port that something inside has is refused": async (inside) => {
    const server = await inside.start(program("echoServer", PORT, HOST));
    await firstOutput(server);
    await assert.rejects(inside.accept(answer), { name: "MoatError", message: /already/ });
    await server.kill("SIGKILL");
    await server.wait();
    await server.attachment[Symbol.asyncDispose]();
  },

  "disposing closes port and connections, and it can be accepted at again": async (inside) => {
    const opened = Promise.withResolvers<ByteStream>();
    const port = await inside.accept((stream) => {
      opened.resolve(stream);
      return stream.read(new Uint8Array(1));
    });
    const client = outcome(await inside.start(program("echoClient", HOST, PORT)));
    await opened.promise;
    await port[Symbol.asyncDispose]();
    await port.ended;
    await client;
    assert.equal(await inside.codeOf(program("request", HOST, PORT, "one")), 1);
    await using _port = await inside.accept(answer);
    assert.equal(await inside.run(program("request", HOST, PORT, "two")), "heard two");
  },

  "accept() can be aborted": async (inside) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(inside.accept(answer, { signal }), /enough/);
    const abort = new AbortController();
    const accepting = inside.accept(answer, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(accepting, /enough/);
    // Nothing of it is left inside.
    await using _port = await acceptWhenFree(inside);
    assert.equal(await inside.run(program("request", HOST, PORT, "one")), "heard one");
  },

  "who is killed leaves nobody waiting inside, and another can take over": async (inside) => {
    const acceptor = await inside.acceptElsewhere();
    const client = await inside.start(program("hearFirst", HOST, PORT, ""));
    await firstOutput(client);
    await acceptor[Symbol.asyncDispose]();
    await client.wait();
    await using _port = await acceptWhenFree(inside);
    assert.equal(await inside.run(program("request", HOST, PORT, "one")), "heard one");
  },

  "the end of the container ends the port and its connections": async (inside) => {
    const read = Promise.withResolvers<unknown>();
    await using port = await inside.accept((stream) =>
      stream.read(new Uint8Array(1)).then(read.resolve, read.resolve)
    );
    const deaf = await inside.start(program("deaf", HOST, PORT));
    await firstOutput(deaf);
    await inside.stop();
    await port.ended;
    const value = await read.promise;
    assert.ok(value === null || isBroken(value));
    await deaf.attachment[Symbol.asyncDispose]();
  },

  "accept() says when nothing runs": async (inside) => {
    await inside.stop();
    await assert.rejects(inside.accept(answer), { name: "MoatError", message: /not running/ });
  },
};

/** A container that runs, on a runtime of its own. */
export async function makeInside(make: () => Promise<AcceptSubject>): Promise<Inside> {
  await using undo = new AsyncDisposableStack();
  const subject = undo.use(await make());
  const { runtime } = subject;
  const spec = subject.spec({ command: program("idle"), detached: true });
  await runtime.create(spec);
  await runtime.start(spec);
  const inside = new Inside(subject, spec, await runtime.supervise?.(spec.name));
  // From here on it does that itself.
  undo.move();
  return inside;
}

/** Accepts; what was broken off may take a moment to end. */
async function acceptWhenFree(inside: Inside): Promise<InsidePort> {
  for (;;) {
    try {
      return await inside.accept(answer);
    } catch (error) {
      if (!(error instanceof Error) || !/already/.test(error.message)) throw error;
    }
  }
}

/** Reads to the end and says so. */
async function answer(stream: ByteStream): Promise<void> {
  await writeAll(stream, encode(`heard ${await readText(stream)}`));
}

async function outcome(exec: Exec): Promise<{ readonly code: number; readonly output: string }> {
  await using attachment = exec.attachment;
  const decoder = new TextDecoder();
  let output = "";
  for await (const { data } of attachment.output) output += decoder.decode(data, { stream: true });
  return { code: (await exec.wait()).code, output };
}

async function firstOutput({ attachment }: Exec): Promise<void> {
  for await (const _chunk of attachment.output) return;
  throw new Error("The command ended without output");
}

/** So many bytes, or fewer at the end. */
async function readBytes(stream: ByteStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function isBroken(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

async function withDeadline(work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The case takes too long")), DEADLINE_MS);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
