/**
 * A way to a port inside a container from within: a relay in perl, run by the engine, whose standard
 * streams carry the connection. For what listens on the container's loopback only, and for engines
 * whose networks this machine cannot reach.
 *
 * Both ways carry frames: a length (16 bits, big-endian) and that many bytes. A length of 0 ends one
 * direction; 65535 says that the connection broke. The first frame says whether there is one. The
 * relay ends with its standard input, so closing the engine's connection ends it.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { ByteStream } from "../../core/plugin/runtime.ts";
import type { Engine, Hijacked } from "./engine.ts";
import { createExec, waitExec } from "./exec_in_container.ts";
import { isGone, writeAll } from "./wire/connection.ts";
import { Demultiplexer } from "./wire/demultiplex.ts";

const BROKEN = 65535;
const MAX_FRAME = 32 * 1024;

/** With modules of perl-base alone, as slim images have no more. */
const RELAY = String.raw`
use strict; use Socket qw(:DEFAULT inet_pton);
$SIG{PIPE} = $SIG{CHLD} = "IGNORE";
my ($port, @hosts) = @ARGV;
my ($peer, $child);
sub leave { kill "KILL", $child if $child; exit 0 }
sub put {
  my ($to, $data) = @_;
  while (length $data) {
    my $count = syswrite($to, $data);
    return 0 unless defined $count;
    substr($data, 0, $count) = "";
  }
  return 1;
}
sub get {
  my ($size) = @_;
  my $data = "";
  while (length $data < $size) {
    sysread(STDIN, $data, $size - length $data, length $data) or leave;
  }
  return $data;
}
for my $host (@hosts) {
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $ip = inet_pton($family, $host);
  my $to = $family == AF_INET ? pack_sockaddr_in($port, $ip) : pack_sockaddr_in6($port, $ip);
  my $try;
  socket($try, $family, SOCK_STREAM, 0) && connect($try, $to) or next;
  $peer = $try;
  last;
}
put(*STDOUT, pack("n/a*", $peer ? "+" : "-"));
$peer or exit 0;
defined($child = fork) or exit 1;
if ($child == 0) {
  close STDIN;
  for (;;) {
    my $count = sysread($peer, my $data, ${MAX_FRAME});
    put(*STDOUT, defined $count ? pack("n/a*", $data) : pack("n", ${BROKEN})) or exit 0;
    $count or exit 0;
  }
}
for (;;) {
  my $size = unpack("n", get(2));
  $size ? put($peer, get($size)) : shutdown($peer, 1);
}`;

/** Where to connect to from within. */
export interface RelayTarget {
  readonly name: string;
  readonly port: number;
  /** Addresses to try in turn. */
  readonly hosts: readonly string[];
  /** For messages, behind "Cannot". */
  readonly doing: string;
}

/** Connects; `undefined` when nothing listens. @throws MoatError when there is no perl */
export async function dialThroughRelay(
  engine: Engine,
  { name, port, hosts, doing }: RelayTarget,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<ByteStream | undefined> {
  const id = await createExec(engine, name, {
    doing,
    signal,
    body: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: ["perl", "-e", RELAY, String(port), ...hosts],
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
  const relay = new RelayStream(hijacked);
  const abort = () => relay.close();
  signal?.addEventListener("abort", abort);
  try {
    const answer = new Uint8Array(1);
    await relay.read(answer);
    signal?.throwIfAborted();
    if (answer[0] === "+".charCodeAt(0)) return relay;
    relay.close();
    if (answer[0] === "-".charCodeAt(0)) return undefined;
    // Engines say on the same way that there is no such program.
    const { code } = await waitExec(engine, id, { doing, ended: Promise.resolve() });
    const state = code === 126 || code === 127
      ? "it has no perl, which is needed to reach it from within"
      : `its relay ended with ${code}: ${relay.complaint.trim()}`;
    throw new MoatError(`Cannot ${doing}: ${state}`);
  } catch (error) {
    relay.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The connection that the relay carries. */
class RelayStream implements ByteStream {
  /** What the relay said on its standard error. */
  complaint = "";
  readonly #hijacked: Hijacked;
  readonly #demultiplexer = new Demultiplexer();
  /** Pieces of the relay's output, first to last. */
  readonly #pieces: Uint8Array[] = [];
  /** Bytes of the frame that is being read. */
  #left = 0;
  #ended = false;
  #inputEnded = false;
  #closed = false;

  constructor(hijacked: Hijacked) {
    this.#hijacked = hijacked;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#ended || this.#closed) return null;
    try {
      if (this.#left === 0 && !await this.#nextFrame()) return null;
      const piece = await this.#take(Math.min(into.length, this.#left));
      if (piece === undefined) throw broken();
      into.set(piece);
      this.#left -= piece.length;
      return piece.length;
    } catch (error) {
      if (this.#closed && isGone(error)) return null;
      throw error;
    }
  }

  async write(data: Uint8Array): Promise<number> {
    if (this.#inputEnded) throw new Deno.errors.BrokenPipe("The stream's output has ended");
    const taken = data.subarray(0, MAX_FRAME);
    // A frame without bytes would be the end.
    if (taken.length > 0) await this.#send(taken);
    return taken.length;
  }

  async closeWrite(): Promise<void> {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    await this.#send(new Uint8Array(0));
  }

  close(): void {
    this.#closed = true;
    this.#hijacked.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** False at the end. */
  async #nextFrame(): Promise<boolean> {
    const [first, second] = [await this.#byte(), await this.#byte()];
    // Without a frame before it, this is the end of a relay that never began.
    this.#ended = first === undefined || second === undefined;
    if (first === undefined || second === undefined) return false;
    const size = first * 256 + second;
    if (size === BROKEN) throw broken();
    this.#left = size;
    this.#ended = size === 0;
    return size > 0;
  }

  async #byte(): Promise<number | undefined> {
    return (await this.#take(1))?.[0];
  }

  /** At least one byte and at most so many; `undefined` when the relay has ended. */
  async #take(limit: number): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0) {
      const piece = await this.#hijacked.reader.next();
      if (piece === undefined) return undefined;
      for (const { stream, data } of this.#demultiplexer.push(piece)) {
        if (data.length === 0) continue;
        if (stream === "stdout") this.#pieces.push(data);
        else this.complaint += new TextDecoder().decode(data);
      }
    }
    const piece = this.#pieces.shift() ?? new Uint8Array(0);
    if (piece.length > limit) this.#pieces.unshift(piece.subarray(limit));
    return piece.subarray(0, limit);
  }

  async #send(data: Uint8Array): Promise<void> {
    const frame = new Uint8Array(2 + data.length);
    new DataView(frame.buffer).setUint16(0, data.length);
    frame.set(data, 2);
    await writeAll(this.#hijacked.connection, frame);
  }
}

function broken(): Error {
  return new Deno.errors.ConnectionReset("The connection into the container broke");
}
