/**
 * Runs a relay inside a container, as a command of the engine's, see `../relay/relay_program.ts`.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { RelayLink, type RelayLinkOptions, type RelayTransport } from "../relay/relay_link.ts";
import { RELAY_LISTEN, RELAY_SERVE } from "../relay/relay_program.ts";
import type { Engine, Hijacked } from "./engine.ts";
import { createExec, waitExec } from "./exec_in_container.ts";
import { writeAll } from "./wire/connection.ts";
import { Demultiplexer } from "./wire/demultiplex.ts";

/** Perl behind a shell that lifts the limit of open files as far as it may be. */
const START = `ulimit -n "$(ulimit -H -n)" 2>/dev/null; exec perl -e "$1" "$2"`;
const MAX_COMPLAINT = 2000;

/** Options of {@linkcode execRelay}. */
export interface ExecRelayOptions extends RelayLinkOptions {
  /** For messages, behind "Cannot". */
  readonly doing: string;
  /** Where it listens; absent: nowhere. */
  readonly port?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Starts one that serves. @throws MoatError when the port is taken, or there is no perl */
export async function execRelay(
  engine: Engine,
  name: string,
  { doing, port, signal, ...options }: ExecRelayOptions,
): Promise<RelayLink> {
  signal?.throwIfAborted();
  const id = await createExec(engine, name, {
    doing,
    signal,
    body: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: ["/bin/sh", "-c", START, "moat", RELAY_LISTEN + RELAY_SERVE, String(port ?? "")],
      User: "0:0",
      WorkingDir: "/",
    },
  });
  const hijacked = await engine.hijack({
    method: "POST",
    path: `/exec/${id}/start`,
    body: { Detach: false, Tty: false },
    doing,
    timeoutMs: 120_000,
    signal,
  });
  const transport = new ExecTransport(hijacked);
  const link = new RelayLink(transport, options);
  const abort = () => link.close();
  signal?.addEventListener("abort", abort);
  try {
    const problem = await link.ready;
    signal?.throwIfAborted();
    if (problem === "") return link;
    if (problem === "taken") {
      throw new MoatError(`Cannot ${doing}: something in there listens on it already`);
    }
    if (problem !== undefined) throw new MoatError(`Cannot ${doing}: ${problem.toLowerCase()}`);
    const { code } = await waitExec(engine, id, { doing, ended: link.ended });
    const state = code === 126 || code === 127
      ? "it has no perl, which is needed for that"
      : `its relay ended with ${code}: ${transport.complaint.trim()}`;
    throw new MoatError(`Cannot ${doing}: ${state}`);
  } catch (error) {
    link.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The streams of an exec, apart. */
class ExecTransport implements RelayTransport {
  /** What it said on its standard error. */
  complaint = "";
  readonly #hijacked: Hijacked;
  readonly #demultiplexer = new Demultiplexer();
  readonly #pieces: Uint8Array[] = [];

  constructor(hijacked: Hijacked) {
    this.#hijacked = hijacked;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0) {
      const piece = await this.#hijacked.reader.next();
      if (piece === undefined) return undefined;
      for (const { stream, data } of this.#demultiplexer.push(piece)) {
        if (stream === "stdout") this.#pieces.push(data);
        else if (this.complaint.length < MAX_COMPLAINT) {
          this.complaint += new TextDecoder().decode(data);
        }
      }
    }
    return this.#pieces.shift();
  }

  write(data: Uint8Array): Promise<void> {
    return writeAll(this.#hijacked.connection, data);
  }

  closeWrite(): Promise<void> {
    return this.#hijacked.connection.closeWrite();
  }

  close(): void {
    this.#hijacked.connection.close();
  }
}
