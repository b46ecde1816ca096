/**
 * Runs a relay inside a container, as a command of the engine's, see `../relay/relay_program.ts`.
 *
 * @module
 */

import { delay } from "../../core/delay.ts";
import { awaitRelay } from "../relay/await_relay.ts";
import { RelayLink, type RelayLinkOptions, type RelayTransport } from "../relay/relay_link.ts";
import { RELAY_LISTEN, RELAY_SERVE } from "../relay/relay_program.ts";
import { type Engine, EngineError, type Hijacked } from "./engine.ts";
import { createExec, waitExec } from "./exec_in_container.ts";
import { waitContainer } from "./run_container.ts";
import { writeAll } from "./wire/connection.ts";
import { Demultiplexer } from "./wire/demultiplex.ts";

/**
 * Perl behind a shell that lifts the limit of open files as far as it may be, and takes away what a
 * run's variables would change: the image's own perl is meant, without its user's options.
 */
const START = `ulimit -n "$(ulimit -H -n)" 2>/dev/null
unset PERL5OPT PERL5LIB PERLLIB PERL5DB; export LC_ALL=C
perl=/usr/bin/perl; [ -x "$perl" ] || perl=perl
exec "$perl" -e "$1" "$2"`;
const MAX_COMPLAINT = 2000;
/** For what a container said before it ended to come out of its engine. */
const LAST_WORDS_MS = 1000;

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
  await awaitRelay(link, {
    doing,
    signal,
    async whyEnded() {
      const { code } = await waitExec(engine, id, { doing, ended: link.ended });
      return code === 126 || code === 127
        ? "it has no perl, which is needed for that"
        : `its relay ended with ${code}: ${transport.complaint.trim()}`;
    },
  });
  closeWithContainer(link, engine, name);
  return link;
}

/** Engines do not always end an exec's streams when its container ends: 20.10 with gVisor. */
async function closeWithContainer(link: RelayLink, engine: Engine, name: string): Promise<void> {
  const over = new AbortController();
  link.ended.then(() => over.abort());
  try {
    await waitContainer(engine, name, { signal: over.signal });
    await delay(LAST_WORDS_MS, over.signal);
  } catch (error) {
    // A container that was removed has ended; whatever else is wrong, the streams tell.
    if (!(error instanceof EngineError && error.status === 404)) return;
  }
  link.close();
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
