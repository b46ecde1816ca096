/**
 * Connections that are made inside a sandbox, to a port of its loopback, brought here: by a process of
 * this one's that stands in the sandbox's network.
 *
 * It ends with the sandbox and with this process, whatever becomes of it, so that nobody inside is kept
 * waiting by a listener that nobody serves.
 *
 * @module
 */

import type { AcceptOptions, InsidePort } from "../../core/plugin/runtime.ts";
import { awaitRelay } from "../relay/await_relay.ts";
import { RelayLink, type RelayTransport } from "../relay/relay_link.ts";
import type { ProcessIdentity } from "./sandbox_state.ts";
import { acceptProgram } from "./script/accept_script.ts";
import { fields, frame } from "./script/common_script.ts";
import { spawnBootstrap } from "./script/spawn_bootstrap.ts";

/** Where, and who is given the connections. */
export interface AcceptInSandboxOptions extends AcceptOptions {
  readonly port: number;
  /** A process in the sandbox. */
  readonly process: ProcessIdentity;
  readonly arch: "amd64" | "arm64";
}

/** Accepts until disposed. @throws MoatError when the port is taken, or nothing can listen there */
export async function acceptInSandbox(
  name: string,
  { port, process, arch, serve, signal }: AcceptInSandboxOptions,
): Promise<InsidePort> {
  signal?.throwIfAborted();
  const doing = `listen on port ${port} in sandbox "${name}"`;
  const child = spawnBootstrap();
  const complaint = new Response(child.stderr).text();
  const transport = pipeTransport(child);
  const link = new RelayLink(transport, { serve });
  transport.write(frame(acceptProgram(arch)))
    .then(() => transport.write(frame(fields([String(process.pid), String(port)]))))
    // What it says then tells more.
    .catch(() => {});
  try {
    await awaitRelay(link, {
      doing,
      signal,
      whyEnded: async () =>
        (await complaint).trim().replace(/^moat: /, "") || "its relay has ended",
    });
  } catch (error) {
    await Promise.all([link.ended, child.status, complaint]);
    throw error;
  }
  return portOf(link, child, complaint);
}

function portOf(
  link: RelayLink,
  child: Deno.ChildProcess,
  complaint: Promise<string>,
): InsidePort {
  return {
    ended: link.ended,
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]();
      await Promise.all([child.status, complaint]);
    },
  };
}

function pipeTransport(child: Deno.ChildProcess): RelayTransport {
  const input = child.stdin.getWriter();
  const output = child.stdout.getReader();
  return {
    read: async () => (await output.read()).value,
    write: (data) => input.write(data),
    closeWrite: () => input.close(),
    close() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended by itself.
        if (!(error instanceof TypeError)) throw error;
      }
      input.abort().catch(() => {});
      output.cancel().catch(() => {});
    },
  };
}
