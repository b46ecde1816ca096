/**
 * Opens connections to ports inside a network namespace, through a relay that stands in it.
 *
 * The relay is one small process per namespace, started when the first connection is asked for; any
 * process of this user finds it by its socket. It ends with the process whose namespace it joined.
 *
 * @module
 */

import { join } from "node:path";
import { describeError, MoatError } from "../../core/errors.ts";
import { delay } from "../../core/delay.ts";
import type { ByteStream } from "../../core/plugin/runtime.ts";
import { removeShortened, shortenDirectory } from "./network/relay_socket.ts";
import { writeAll } from "./network/write_all.ts";
import { isAlive, parseIdentity, signalProcess } from "./process_identity.ts";
import { raceAbort } from "../../core/race_abort.ts";
import { type ProcessIdentity, readJson } from "./sandbox_state.ts";
import { fields, frame } from "./script/common_script.ts";
import { relayProgram } from "./script/relay_script.ts";
import { spawnBootstrap } from "./script/spawn_bootstrap.ts";
import { openRelayStream } from "./relay_stream.ts";
import { waitUntil } from "./wait_until.ts";

const SOCKET = "dial.sock";

/** Time for another process's relay, just begun, to listen. */
const START_MS = 5_000;

/** Which relay: files named `dial.sock*` in the directory are its own. */
export interface RelayOptions {
  /** A directory of this user alone. */
  readonly directory: string;
  readonly arch: "amd64" | "arm64";
  /** Host pid of a process in the namespace; absent: the relay makes a namespace and keeps it. */
  readonly pid?: number;
}

/** Starts the relay unless it serves already. @throws MoatError with what it said */
export async function startRelay({ directory, arch, pid }: RelayOptions): Promise<ProcessIdentity> {
  const child = spawnBootstrap();
  const input = child.stdin.getWriter();
  const target = pid === undefined ? "" : String(pid);
  const writing = input.write(frame(relayProgram(arch)))
    .then(() => input.write(frame(fields([directory, SOCKET, target]))))
    .then(() => input.close())
    // What it says then tells more.
    .catch(() => {});
  const [{ success, stderr }] = await Promise.all([child.output(), writing]);
  const process = await readRelay(directory);
  if (success && process !== undefined) return process;
  const said = new TextDecoder().decode(stderr).trim().replace(/^moat: /, "");
  throw new MoatError(`Cannot reach into the sandbox's network: ${said || "its relay has ended"}`);
}

/** Ends the relay of the directory and removes what it made elsewhere. Idempotent. */
export async function endRelay(directory: string): Promise<void> {
  const process = await readRelay(directory);
  if (process !== undefined && signalProcess(process, "SIGKILL")) {
    await waitUntil(() => !isAlive(process));
  }
  await removeShortened(directory);
}

/** The process that serves the directory's socket, or did. */
export async function readRelay(directory: string): Promise<ProcessIdentity | undefined> {
  return parseIdentity(await readJson(join(directory, `${SOCKET}.json`)));
}

/** Options of {@linkcode dialThrough}. */
export interface DialOptions {
  /** The sandbox, for messages. */
  readonly name: string;
  /** The relay's. */
  readonly directory: string;
  /** Starts the relay when nobody answers. */
  start(): Promise<unknown>;
  readonly signal?: AbortSignal | undefined;
}

/** Connects to the port on 127.0.0.1, else ::1, inside. @throws MoatError when nothing listens */
export async function dialThrough(port: number, options: DialOptions): Promise<ByteStream> {
  const { name, signal } = options;
  signal?.throwIfAborted();
  const connection = await connectRelay(options);
  try {
    const answer = await raceAbort(ask(connection, port), signal);
    if (answer !== "+") {
      throw new MoatError(`Cannot connect to port ${port} of sandbox "${name}": ${reason(answer)}`);
    }
  } catch (error) {
    signal?.throwIfAborted();
    openRelayStream(connection).close();
    if (error instanceof MoatError) throw error;
    throw new MoatError(
      `Cannot connect to port ${port} of sandbox "${name}": ${describeError(error)}`,
      { cause: error },
    );
  }
  return openRelayStream(connection);
}

function reason(answer: string): string {
  if (answer === "") return "its relay has ended";
  return /refused/.test(answer) ? "nothing listens there" : answer.slice(1).toLowerCase();
}

async function connectRelay({ directory, start, signal }: DialOptions): Promise<Deno.Conn> {
  const path = `${await shortenDirectory(directory)}/${SOCKET}`;
  const found = await connect(path);
  if (found !== undefined) return found;
  await raceAbort(start(), signal);
  for (const deadline = Date.now() + START_MS;;) {
    const connection = await connect(path);
    if (connection !== undefined) return connection;
    if (Date.now() >= deadline) {
      throw new MoatError("Cannot reach into the sandbox's network: its relay does not listen");
    }
    await delay(5, signal);
  }
}

async function connect(path: string): Promise<Deno.Conn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) {
      return undefined;
    }
    throw error;
  }
}

/** `+`, or `-` with the reason, or nothing when the relay ended. */
async function ask(connection: Deno.Conn, port: number): Promise<string> {
  await writeAll(connection, new TextEncoder().encode(`${String(port).padStart(5, "0")}\n`));
  const decoder = new TextDecoder();
  // One byte at a time: what follows a `+` belongs to the caller.
  const byte = new Uint8Array(1);
  let answer = "";
  while (answer !== "+" && await connection.read(byte) !== null) answer += decoder.decode(byte);
  return answer;
}
