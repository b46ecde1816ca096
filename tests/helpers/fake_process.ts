/**
 * A process that is not there: it interprets the programs of the runtime contract.
 *
 * Signals have their usual effect, a terminal turns `\n` into `\r\n` and Ctrl-C into an interrupt.
 *
 * @module
 */

import type { ByteStream, Mount, OutputChunk, TerminalSize } from "../../core/plugin/runtime.ts";
import { parseHook, parseProgram, type ProgramName } from "../contracts/programs.ts";
import { Channel } from "./channel.ts";
import type { FakeService } from "./fake_service.ts";
import { readText, writeAll } from "./stream_pair.ts";

const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  TERM: 15,
};

/** What a fake process is started with. */
export interface FakeProcessOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  readonly mounts: readonly Mount[];
  /** Files of the container that are on no mount: shared by its processes. */
  readonly files: Map<string, string>;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly size: TerminalSize | undefined;
  readonly preRun?: string | undefined;
  /** Permissions of those files. */
  readonly modes: ReadonlyMap<string, number>;
  readonly network: FakeNetwork;
  /** What it does instead of the contract's programs, as the first process of a companion. */
  readonly service?: FakeService | undefined;
  /** Answers commands that are no program of the contract's. */
  readonly answer?: FakeService["exec"];
  /** Takes output; resolves when there is room for more. */
  output(chunk: OutputChunk): Promise<void>;
}

/** Takes connections, one after another or many at once. */
export type FakeHandler = (peer: ByteStream) => Promise<void> | void;

/** The network as one container sees it. */
export interface FakeNetwork {
  /** It leads nowhere. */
  readonly isAlone: boolean;
  /** Until the function that it returns is called. */
  listen(port: number, handler: FakeHandler): () => void;
  /** `undefined` when nothing listens there. */
  connect(host: string, port: number): ByteStream | undefined;
}

/** Ends a program from within. */
class Ended extends Error {
  constructor(readonly code: number) {
    super(`ended with ${code}`);
  }
}

/** A running fake. */
export class FakeProcess {
  readonly exited: Promise<number>;
  readonly #options: FakeProcessOptions;
  readonly #input = new Channel<Uint8Array>();
  readonly #killed = Promise.withResolvers<number>();
  readonly #caught = new Map<string, () => void>();
  #size: TerminalSize;
  #over = false;

  constructor(options: FakeProcessOptions) {
    this.#options = options;
    this.#size = options.size ?? { columns: 80, rows: 24 };
    if (!options.stdin) this.#input.close();
    this.exited = Promise.race([this.#main(), this.#killed.promise]).finally(() => {
      this.#over = true;
    });
  }

  signal(name: string): void {
    const handler = this.#caught.get(name);
    if (handler !== undefined && name !== "KILL") handler();
    else this.#killed.resolve(128 + (SIGNALS[name] ?? 0));
  }

  write(data: Uint8Array): void {
    if (this.#over || this.#input.isClosed) return;
    if (!this.#options.tty) return this.#input.push(data.slice());
    for (const byte of data) {
      if (byte === 3) this.signal("INT");
      else if (byte === 4) this.#input.close();
      else this.#input.push(new Uint8Array([byte]));
    }
  }

  /** Ends it with a code of the test's choice. */
  end(code: number): void {
    this.#killed.resolve(code);
  }

  closeInput(): void {
    if (!this.#options.tty) this.#input.close();
  }

  resize(size: TerminalSize): void {
    this.#size = size;
  }

  async #main(): Promise<number> {
    try {
      await this.#runHook();
      const { service } = this.#options;
      return service === undefined ? await this.#run() : await this.#serve(service);
    } catch (error) {
      if (error instanceof Ended) return error.code;
      throw error;
    }
  }

  async #runHook(): Promise<void> {
    const { preRun, uid, env, files } = this.#options;
    if (preRun === undefined) return;
    const name = parseHook(preRun);
    if (name === undefined) throw new TypeError(`The fake does not know the hook ${preRun}`);
    if (name === "fail") throw new Ended(1);
    files.set("/tmp/from-hook", `${name === "writeSecret" ? env.SECRET : uid}\n`);
    await Promise.resolve();
  }

  async #serve({ output = "", exit, ports = {}, listens }: FakeService): Promise<number> {
    await this.#print(output);
    if (exit !== undefined) return exit.code;
    await Promise.race([listens, this.#killed.promise]);
    for (const [port, handler] of Object.entries(ports)) {
      if (!this.#over) this.#listen(Number(port), handler);
    }
    return await this.#forever();
  }

  async #run(): Promise<number> {
    const { command } = this.#options;
    const parsed = parseProgram(command);
    if (parsed !== undefined) {
      const run = Object.entries(this.#programs).find(([name]) => name === parsed.name)?.[1];
      if (run === undefined) throw new TypeError(`The fake does not know ${parsed.name}`);
      return await run(parsed.args[0] ?? "", parsed.args[1] ?? "", parsed.args[2] ?? "") ?? 0;
    }
    const { answer, env, uid } = this.#options;
    if (answer !== undefined) {
      const said = await answer({ command, env, uid, input: this.#input });
      await this.#print(said.stdout ?? "");
      await this.#print(said.stderr ?? "", "stderr");
      return said.code;
    }
    if (command[0] === "true") return 0;
    return command[0]?.startsWith("/etc/") ? 126 : 127;
  }

  readonly #programs: Readonly<
    Record<ProgramName, (one: string, two: string, three: string) => Promise<number | void>>
  > = {
    print: async (out, error) => {
      await this.#print(out);
      await this.#print(error, "stderr");
    },
    exit: (code) => Promise.resolve(Number(code)),
    copy: async () => {
      for await (const data of this.#input) await this.#emit("stdout", data);
    },
    longLine: (bytes) => this.#print(`${"x".repeat(Number(bytes))}\nend\n`),
    binary: () => this.#emit("stdout", new Uint8Array([0, 1, 255, 254, 10, 128])),
    die: (signal) => Promise.resolve(128 + (SIGNALS[signal] ?? 0)),
    idle: async () => {
      await this.#print("ready\n");
      return await this.#forever();
    },
    react: async (signal, code) => {
      const got = Promise.withResolvers<void>();
      this.#caught.set(signal, got.resolve);
      await this.#print("ready\n");
      await got.promise;
      await this.#print("got\n");
      return Number(code);
    },
    stubborn: async () => {
      this.#caught.set("TERM", () => {});
      await this.#print("ready\n");
      return await this.#forever();
    },
    variable: async (name) => {
      const value = { HOME: "/home/moatuser", ...this.#options.env }[name];
      if (value === undefined) return 1;
      await this.#print(`${value}\n`);
    },
    workdir: () => this.#print(`${this.#options.workdir}\n`),
    isolated: () => this.#print(this.#options.network.isAlone ? "alone\n" : ""),
    ids: () => this.#print(`${this.#options.uid}:${this.#options.gid}\n`),
    write: async (path, text) => {
      const place = this.#place(path);
      if (place === "read-only") return 1;
      if (place === "inside") this.#options.files.set(path, text);
      else await Deno.writeTextFile(place.hostPath, text);
    },
    read: async (path) => await this.#print(await this.#readFile(path)),
    useHome: () => this.#print("home\n"),
    terminal: async () => {
      if (this.#options.tty) await this.#print("terminal\n");
      await this.#printSize();
    },
    sizes: async () => {
      await this.#print("ready\n");
      while (await this.#readLine()) await this.#printSize();
    },
    printTwice: async (first, second) => {
      await this.#print(`${first}\n`);
      if (!await this.#readLine()) return 1;
      await this.#print(`${second}\n`);
    },
    count: async (last) => {
      for (let line = 1; line <= Number(last); line++) {
        await this.#print(`line ${line}\n`);
        if (line % 100 === 0) await this.#print(`error ${line}\n`, "stderr");
      }
    },
    mode: (path) => this.#print(`${(this.#options.modes.get(path) ?? 0o644).toString(8)}\n`),
    keep: async (from, to) => {
      this.#options.files.set(to, await this.#readFile(from));
      await this.#print("ready\n");
      return await this.#forever();
    },
    echoServer: async (port) => {
      this.#listen(Number(port), async (peer) => {
        const buffer = new Uint8Array(65536);
        for (let count; (count = await peer.read(buffer)) !== null;) {
          await writeAll(peer, buffer.subarray(0, count));
        }
        await writeAll(peer, new TextEncoder().encode("end"));
      });
      await this.#print("ready\n");
      return await this.#forever();
    },
    greeter: async (port) => {
      // One after another, as the program does.
      let turn = Promise.resolve();
      this.#listen(Number(port), (peer) => {
        turn = turn.then(async () => {
          await writeAll(peer, new TextEncoder().encode("hello"));
          await peer.closeWrite();
          await this.#print(`${await readText(peer)}\n`);
        }).catch(() => {});
        return turn;
      });
      await this.#print("ready\n");
      return await this.#forever();
    },
    request: async (host, port, text) => {
      using peer = this.#connect(host, port);
      await writeAll(peer, new TextEncoder().encode(text));
      await peer.closeWrite();
      await this.#print(await readText(peer));
    },
    requests: async (host, port, count) => {
      const peers = Array.from({ length: Number(count) }, () => this.#connect(host, port));
      for (const [index, peer] of peers.entries()) {
        await writeAll(peer, new TextEncoder().encode(`number ${index + 1}`));
        await peer.closeWrite();
      }
      for (const peer of peers) await this.#print(`${await readText(peer)}\n`);
    },
    echoClient: async (host, port) => {
      using peer = this.#connect(host, port);
      const buffer = new Uint8Array(65536);
      for (let count; (count = await peer.read(buffer)) !== null;) {
        await writeAll(peer, buffer.subarray(0, count));
      }
    },
    hearFirst: async (host, port, text) => {
      using peer = this.#connect(host, port);
      await this.#print(await readText(peer));
      await writeAll(peer, new TextEncoder().encode(text));
    },
    flood: async (host, port, bytes) => {
      using peer = this.#connect(host, port);
      await writeAll(peer, new Uint8Array(Number(bytes)));
      await this.#print("sent\n");
    },
    deaf: async (host, port) => {
      using _peer = this.#connect(host, port);
      await this.#print("ready\n");
      return await this.#forever();
    },
    awaitFile: async (path, text) => {
      for (;;) {
        try {
          await this.#readFile(path);
          break;
        } catch (error) {
          if (!(error instanceof Ended)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      await this.#print(`${text}\n`);
    },
  };

  /** As long as this process lives. */
  #listen(port: number, handler: FakeHandler): void {
    this.exited.finally(this.#options.network.listen(port, handler));
  }

  #connect(host: string, port: string): ByteStream {
    const peer = this.#options.network.connect(host, Number(port));
    if (peer === undefined) throw new Ended(1);
    return peer;
  }

  async #readFile(path: string): Promise<string> {
    const place = this.#place(path, { reading: true });
    if (typeof place === "object") {
      try {
        return await Deno.readTextFile(place.hostPath);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) throw new Ended(1);
        throw error;
      }
    }
    const text = this.#options.files.get(path);
    if (text === undefined) throw new Ended(1);
    return text;
  }

  /** Where a path leads: the mount with the longest target wins. */
  #place(path: string, { reading = false } = {}): "inside" | "read-only" | { hostPath: string } {
    const mount = this.#options.mounts
      .filter(({ target }) => path === target || path.startsWith(`${target}/`))
      .toSorted((one, other) => other.target.length - one.target.length)[0];
    if (mount === undefined || mount.kind !== "bind") return "inside";
    if (mount.readOnly && !reading) return "read-only";
    return { hostPath: mount.source + path.slice(mount.target.length) };
  }

  #printSize(): Promise<void> {
    return this.#print(`${this.#size.rows} ${this.#size.columns}\n`);
  }

  /** False at the end of the input. */
  async #readLine(): Promise<boolean> {
    for (;;) {
      const data = await this.#input.next();
      if (data === undefined) return false;
      if (data.includes(10)) return true;
    }
  }

  #print(text: string, stream: "stdout" | "stderr" = "stdout"): Promise<void> {
    const shown = this.#options.tty ? text.replaceAll("\n", "\r\n") : text;
    return this.#emit(stream, new TextEncoder().encode(shown));
  }

  async #emit(stream: "stdout" | "stderr", data: Uint8Array): Promise<void> {
    if (data.length === 0 || this.#over) return;
    await this.#options.output({ stream: this.#options.tty ? "tty" : stream, data });
  }

  #forever(): Promise<number> {
    return this.#killed.promise;
  }
}
