/**
 * Connections that are made inside a container, to a port of its loopback, brought here: by a relay
 * that the engine runs in there.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { AcceptOptions, InsidePort } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { createExec, waitExec } from "./exec_in_container.ts";
import { RelayLink } from "./relay/relay_link.ts";
import { relayCommand } from "./relay/relay_program.ts";

/** Which port, and who is given its connections. */
export interface AcceptInsideOptions extends AcceptOptions {
  readonly port: number;
}

/** Accepts until disposed. @throws MoatError when the port is taken, or nothing can listen there */
export async function acceptInside(
  engine: Engine,
  name: string,
  { port, serve, signal }: AcceptInsideOptions,
): Promise<InsidePort> {
  signal?.throwIfAborted();
  const doing = `listen on port ${port} in container "${name}"`;
  const id = await createExec(engine, name, {
    doing,
    signal,
    body: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: relayCommand(port),
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
  const link = new RelayLink(hijacked, { serve });
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
      ? "its image has no perl, which is needed for that"
      : `its relay ended with ${code}: ${link.complaint.trim()}`;
    throw new MoatError(`Cannot ${doing}: ${state}`);
  } catch (error) {
    link.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
