/**
 * A running executable and the calls that are being made to it.
 *
 * Whatever it does that it must not (no answer in time, no frame, more than was asked for) ends it,
 * and every call with an error that names the plugin.
 *
 * @module
 */

import { printable } from "../../cli/table.ts";
import { MoatError } from "../../errors.ts";
import { encodeFrame, FrameDecoder } from "../code/frames.ts";
import { type CallIo, RuntimeCall } from "./runtime_call.ts";
import { readAnswer, readHello, RUNTIME_PROTOCOL, type RuntimeOrder } from "./runtime_protocol.ts";
import { endExecutable, type Executable, startExecutable } from "./start_executable.ts";

/** Time until it says which protocol it speaks. */
const HELLO_TIMEOUT_MS = 10_000;

/** Time to end by itself once nothing more is asked. */
const END_TIMEOUT_MS = 2_000;

/** For what it wrote before it ended. */
const REST_MS = 100;

/** What is kept of what it writes to its standard error. */
const MAX_SAID = 500;

/** A started executable. Disposing of it ends it with everything that it started and did not let go. */
export class RuntimeConnection implements AsyncDisposable {
  readonly #id: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #calls = new Map<number, RuntimeCall>();
  readonly #hello = Promise.withResolvers<void>();
  readonly #reading: Promise<void>;
  #greeted = false;
  #lastId = 0;
  #said = "";
  #failure: MoatError | undefined;

  private constructor(id: string, child: Deno.ChildProcess) {
    this.#id = id;
    this.#child = child;
    this.#input = child.stdin.getWriter();
    // Whoever has closed its input is found by reading.
    this.#input.closed.catch(() => {});
    this.#hello.promise.catch(() => {});
    this.#reading = this.#read();
  }

  /** Starts it and waits for its first word. @throws MoatError naming the plugin */
  static async start(executable: Executable): Promise<RuntimeConnection> {
    const connection = new RuntimeConnection(executable.id, startExecutable(executable));
    const timer = setTimeout(
      () => connection.fail(`it says nothing within ${HELLO_TIMEOUT_MS / 1000} seconds`),
      HELLO_TIMEOUT_MS,
    );
    try {
      await connection.#hello.promise;
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** False when it has ended or was ended. */
  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** Begins a call; with a time limit, one that is not over by then ends the executable. */
  call(
    name: string,
    { params, timeoutMs, io = {} }: {
      readonly params: unknown;
      readonly timeoutMs?: number;
      readonly io?: CallIo;
    },
  ): RuntimeCall {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#lastId;
    const timer = timeoutMs === undefined ? undefined : setTimeout(
      () => this.fail(`it does not answer "${name}" within ${timeoutMs / 1000} seconds`),
      timeoutMs,
    );
    const call = new RuntimeCall({
      io,
      send: (order) => this.#send({ id, ...order }),
      refuse: (state) => this.fail(state),
      over: () => {
        clearTimeout(timer);
        this.#calls.delete(id);
      },
    });
    this.#calls.set(id, call);
    this.#send({ id, call: name, with: params }).catch(() => {});
    return call;
  }

  /** Ends the executable, and all calls with this state of it. */
  fail(state: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new MoatError(`Cannot use plugin "${this.#id}": ${printable(state)}`, {
      hint: `moat plugin remove ${this.#id}`,
    });
    endExecutable(this.#child);
    this.#hello.reject(this.#failure);
    for (const call of [...this.#calls.values()]) call.fail(this.#failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= new MoatError(`Cannot use plugin "${this.#id}": it was ended`);
    for (const call of [...this.#calls.values()]) call.leave(this.#failure);
    const timer = setTimeout(() => endExecutable(this.#child), END_TIMEOUT_MS);
    await this.#input.close().catch(() => {});
    await this.#child.status;
    clearTimeout(timer);
    endExecutable(this.#child);
    await this.#reading;
  }

  async #send(order: RuntimeOrder): Promise<void> {
    const frame = encodeFrame(order);
    try {
      await this.#input.write(frame);
    } catch {
      // It has ended: its output says so, too, and why.
      await this.#reading;
      throw this.#failure;
    }
  }

  async #read(): Promise<void> {
    const [, ended] = await Promise.all([this.#readErrors(), this.#readAnswers()]);
    this.fail(ended);
  }

  /** Returns why there is nothing more to read. */
  async #readAnswers(): Promise<string> {
    const decoder = new FrameDecoder();
    try {
      for await (const data of this.#piecesOf(this.#child.stdout)) {
        for (const value of decoder.push(data)) {
          this.#take(value);
          if (this.#failure !== undefined) return "";
        }
      }
    } catch (error) {
      if (!(error instanceof RangeError) && !(error instanceof SyntaxError)) throw error;
      this.fail("what it writes is no frame of the protocol");
    }
    const { code, signal } = await this.#child.status;
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    return `it ended ${how}${this.#said === "" ? "" : `: ${this.#said.trim()}`}`;
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const data of this.#piecesOf(this.#child.stderr)) {
      this.#said = `${this.#said}${decoder.decode(data, { stream: true })}`.slice(-MAX_SAID);
    }
  }

  /** To the stream's end, or its program's: what that has started may hold the stream open. */
  async *#piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = stream.getReader();
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#child.status.then(() => {
      timer = setTimeout(() => reader.cancel().catch(() => {}), REST_MS);
    });
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(value: unknown): void {
    if (!this.#greeted) return this.#greet(value);
    const answer = readAnswer(value);
    const call = answer === undefined ? undefined : this.#calls.get(answer.id);
    if (answer === undefined || call === undefined) {
      this.fail("it does not answer as it must");
    } else call.take(answer);
  }

  #greet(value: unknown): void {
    const protocol = readHello(value);
    if (protocol === RUNTIME_PROTOCOL) {
      this.#greeted = true;
      this.#hello.resolve();
    } else if (protocol === undefined) {
      this.fail("it does not say which protocol it speaks");
    } else this.fail(`it speaks protocol ${protocol}, this is ${RUNTIME_PROTOCOL}`);
  }
}
