/**
 * A run of the real program whose command is a puppet of the test: see `puppet_script.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestHome } from "../moat.ts";
import type { RawStream } from "../raw_http.ts";
import { PUPPET_SCRIPT } from "./puppet_script.ts";

/** Options of {@linkcode Puppet.start}. */
export interface PuppetOptions {
  readonly home: TestHome;
  /** The run's name. */
  readonly name: string;
  /** How many endpoints it has: `l0`, `l1`, … */
  readonly lanes: number;
  /** Is given each connection that the router made to an endpoint. */
  onAccept(stream: PuppetStream, lane: number): void;
}

const FIRST_PORT = 3000;
const HEAD_BYTES = 9;

/** Ends with its run. */
export class Puppet implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #streams = new Map<number, PuppetStream>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #onAccept: PuppetOptions["onAccept"];
  readonly #reading: Promise<void>;
  readonly #errors: Promise<string>;
  #next = 0;

  private constructor(child: Deno.ChildProcess, onAccept: PuppetOptions["onAccept"]) {
    this.#child = child;
    this.#onAccept = onAccept;
    this.#writer = child.stdin.getWriter();
    this.#errors = child.stderr.text();
    this.#reading = this.#read();
  }

  /** Starts the run; resolves when it listens on all its endpoints. */
  static async start({ home, name, lanes, onAccept }: PuppetOptions): Promise<Puppet> {
    await home.write("puppet.pl", PUPPET_SCRIPT);
    const ports = Array.from({ length: lanes }, (_, lane) => FIRST_PORT + lane);
    const child = home.spawn([
      "run",
      "--name",
      name,
      ...ports.flatMap((port, lane) => ["--port", `l${lane}=${port}`]),
      "--",
      "perl",
      "puppet.pl",
      ...ports.map(String),
    ]);
    const puppet = new Puppet(child, onAccept);
    await puppet.#listening.promise;
    return puppet;
  }

  /** What the run said on its standard error; resolves when it has ended. */
  get errors(): Promise<string> {
    return this.#errors;
  }

  /** A connection from inside the run to a port of its loopback. */
  connect(port: number): PuppetStream {
    const stream = new PuppetStream(this, this.#next);
    this.#streams.set(this.#next, stream);
    this.#next += 2;
    this.send("C", stream.id, new TextEncoder().encode(String(port)));
    return stream;
  }

  /** Sends one frame; resolves when it is on its way. */
  async send(letter: string, id: number, data: Uint8Array = new Uint8Array(0)): Promise<void> {
    const frame = new Uint8Array(HEAD_BYTES + data.length);
    const view = new DataView(frame.buffer);
    frame[0] = letter.charCodeAt(0);
    view.setUint32(1, id);
    view.setUint32(5, data.length);
    frame.set(data, HEAD_BYTES);
    await this.#writer.write(frame);
  }

  /** No frames of it are waited for any more. */
  forget(id: number): void {
    this.#streams.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await Promise.all([this.#reading, this.#errors, this.#child.status]);
  }

  async #read(): Promise<void> {
    let held = new Uint8Array(0);
    for await (const piece of this.#child.stdout) {
      const bytes = held.length === 0 ? piece : concat(held, piece);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      let at = 0;
      while (bytes.length - at >= HEAD_BYTES) {
        const end = at + HEAD_BYTES + view.getUint32(at + 5);
        if (end > bytes.length) break;
        const letter = String.fromCharCode(bytes[at] ?? 0);
        this.#take(letter, view.getUint32(at + 1), bytes.slice(at + HEAD_BYTES, end));
        at = end;
      }
      held = bytes.slice(at);
    }
    for (const stream of this.#streams.values()) stream.take("X");
    this.#listening.reject(new Error(`The puppet ended: ${await this.#errors}`));
  }

  #take(letter: string, id: number, data: Uint8Array): void {
    switch (letter) {
      case "L":
        return this.#listening.resolve();
      case "A": {
        const stream = new PuppetStream(this, id);
        this.#streams.set(id, stream);
        return this.#onAccept(stream, Number(new TextDecoder().decode(data)));
      }
      case "D":
      case "F":
      case "X":
        return this.#streams.get(id)?.take(letter, data);
      default:
        assert.fail(`a frame ${letter}`);
    }
  }
}

/** One connection of a puppet's. */
export class PuppetStream implements RawStream {
  readonly id: number;
  readonly #puppet: Puppet;
  readonly #pieces: Uint8Array[] = [];
  #state: "open" | "ended" | "broken" | "closed" = "open";
  #changed = Promise.withResolvers<void>();

  constructor(puppet: Puppet, id: number) {
    this.#puppet = puppet;
    this.id = id;
  }

  /** What came of it: data, its end, or that it is broken. */
  take(letter: "D" | "F" | "X", data?: Uint8Array): void {
    if (letter === "D" && data !== undefined) this.#pieces.push(data);
    else if (this.#state === "open") this.#state = letter === "F" ? "ended" : "broken";
    if (letter === "X") this.#puppet.forget(this.id);
    this.#wake();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#pieces.length === 0) {
      if (this.#state === "ended") return null;
      if (this.#state === "broken") throw new Deno.errors.ConnectionReset("It was reset");
      if (this.#state === "closed") throw new Deno.errors.BadResource("It is closed");
      await this.#changed.promise;
    }
    const piece = this.#pieces.shift() ?? new Uint8Array(0);
    const count = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#state === "broken") throw new Deno.errors.BrokenPipe("It was reset");
    if (this.#state === "closed") throw new Deno.errors.BadResource("It is closed");
    const piece = bytes.subarray(0, 65_536);
    await this.#puppet.send("D", this.id, piece);
    return piece.length;
  }

  async closeWrite(): Promise<void> {
    await this.#puppet.send("F", this.id);
  }

  /** Behind what was written. */
  close(): void {
    this.#end("X");
  }

  /** At once, as the kernel does for a program that was killed with unread input. */
  reset(): void {
    this.#end("R");
  }

  /** Takes no more from the connection until {@linkcode resume}: its buffers fill. */
  async pause(): Promise<void> {
    await this.#puppet.send("P", this.id);
  }

  async resume(): Promise<void> {
    await this.#puppet.send("G", this.id);
  }

  #end(letter: "X" | "R"): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#puppet.forget(this.id);
    this.#puppet.send(letter, this.id).catch(() => {});
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
