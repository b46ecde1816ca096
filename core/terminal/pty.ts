/**
 * Pseudo terminals, by calling the C library: Deno has none.
 *
 * Only the master's side is opened here. The program gets the other side by its path, and opens it
 * as its controlling terminal itself. Waiting happens in threads, so nothing blocks the event loop.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import type { TerminalSize } from "../plugin/runtime.ts";

/** The master's side of a pseudo terminal. */
export interface Pty {
  /** The number in the name of the other side, `/dev/pts/<number>` on Linux. */
  readonly number: number;
  /** Bytes of output as they come; `undefined` once nobody has the other side open any more. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes all of it, as far as somebody is there to read. */
  write(data: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
  /** Idempotent. A read that waits ends. */
  close(): void;
}

/** Options of {@linkcode openPty}. */
export interface OpenPtyOptions {
  /** The device that makes terminals: that of another devpts instance for a sandbox. */
  readonly multiplexer?: string;
}

const LIBRARY = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const TIOCGPTN = 0x80045430n;
const TIOCSPTLCK = 0x40045431n;
const TIOCSWINSZ = 0x5414n;
const POLLIN = 1;
const POLLOUT = 4;

/** How long one wait lasts before it looks whether the terminal was closed meanwhile. */
const WAIT_MS = 200;

/** Opens a new pseudo terminal. @throws MoatError where there is no C library or no device */
export function openPty({ multiplexer = "/dev/ptmx" }: OpenPtyOptions = {}): Pty {
  const library = openLibrary();
  const { symbols } = library;
  const master = symbols.open(
    new TextEncoder().encode(`${multiplexer}\0`),
    O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
  );
  const number = new Int32Array([-1]);
  if (
    master < 0 || symbols.ioctl(master, TIOCSPTLCK, new Int32Array([0])) !== 0 ||
    symbols.ioctl(master, TIOCGPTN, number) !== 0
  ) {
    if (master >= 0) symbols.close(master);
    library.close();
    throw new MoatError(`Cannot open a terminal: "${multiplexer}" gives none`, {
      hint: "Run without a terminal: moat run -- <command> < /dev/null",
    });
  }
  return new LinuxPty(library, master, number[0] ?? -1);
}

function openLibrary(): Deno.DynamicLibrary<typeof LIBRARY> {
  if (Deno.build.os !== "linux") {
    throw new MoatError(`Cannot open a terminal: not supported on ${Deno.build.os} yet`, {
      hint: "Run without a terminal: moat run -- <command> < /dev/null",
    });
  }
  try {
    return Deno.dlopen("libc.so.6", LIBRARY);
  } catch (cause) {
    throw new MoatError("Cannot open a terminal: the C library libc.so.6 cannot be loaded", {
      hint: "Run without a terminal: moat run -- <command> < /dev/null",
      cause,
    });
  }
}

class LinuxPty implements Pty {
  readonly number: number;
  readonly #library: Deno.DynamicLibrary<typeof LIBRARY>;
  readonly #master: number;
  readonly #buffer = new Uint8Array(65536);
  #closed = false;
  #waiting = 0;
  #released = false;

  constructor(library: Deno.DynamicLibrary<typeof LIBRARY>, master: number, number: number) {
    this.#library = library;
    this.#master = master;
    this.number = number;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (await this.#ready(POLLIN)) {
      const size = Number(
        this.#library.symbols.read(this.#master, this.#buffer, BigInt(this.#buffer.length)),
      );
      // Ready and yet an error: the other side is closed (EIO).
      return size <= 0 ? undefined : this.#buffer.slice(0, size);
    }
    return undefined;
  }

  async write(data: Uint8Array): Promise<void> {
    let rest = new Uint8Array(data);
    while (rest.length > 0 && await this.#ready(POLLOUT)) {
      const size = Number(
        this.#library.symbols.write(this.#master, rest, BigInt(rest.length)),
      );
      if (size > 0) rest = rest.subarray(size);
      // Writable and yet refused: its line buffer is full until the program reads.
      else if (!await this.#pause()) return;
    }
  }

  resize({ columns, rows }: TerminalSize): void {
    if (this.#closed) return;
    this.#library.symbols.ioctl(
      this.#master,
      TIOCSWINSZ,
      new Uint16Array([rows, columns, 0, 0]),
    );
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  /** Waits for an event; false once closed. */
  async #ready(event: number): Promise<boolean> {
    // struct pollfd: int fd, short events, short revents.
    const request = new DataView(new ArrayBuffer(8));
    request.setInt32(0, this.#master, true);
    while (!this.#closed) {
      request.setInt16(4, event, true);
      request.setInt16(6, 0, true);
      this.#waiting += 1;
      const count = await this.#library.symbols.poll(
        new Uint8Array(request.buffer),
        1n,
        WAIT_MS,
      );
      this.#waiting -= 1;
      if (this.#closed) break;
      if (count > 0) return true;
    }
    this.#release();
    return false;
  }

  async #pause(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return !this.#closed;
  }

  /** The descriptor's number must not be given away while a thread still waits on it. */
  #release(): void {
    if (this.#waiting > 0 || this.#released) return;
    this.#released = true;
    this.#library.symbols.close(this.#master);
    this.#library.close();
  }
}
