/**
 * Another process that accepts connections from inside a container, to be killed.
 *
 * @module
 */

import { join } from "node:path";
import { kill9 } from "./processes.ts";

/** Which container, and on what; see `accept_main.ts`. */
export interface AcceptorOptions {
  readonly kind: "docker" | "local";
  /** The engine, or the backend. */
  readonly where: string;
  readonly stateDir: string;
  readonly home: string;
  readonly name: string;
  readonly port: number;
}

/** Starts it; it accepts already. Disposing kills it. */
export async function startAcceptor(
  { kind, where, stateDir, home, name, port }: AcceptorOptions,
): Promise<AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--no-check", "--no-lock"],
      join(import.meta.dirname ?? ".", "accept_main.ts"),
      ...[kind, where, stateDir, home, name, String(port)],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const acceptor = {
    async [Symbol.asyncDispose]() {
      kill9(child.pid);
      await Promise.all([child.status, reader.cancel()]);
    },
  };
  if (value !== undefined) return acceptor;
  await acceptor[Symbol.asyncDispose]();
  throw new Error("The acceptor has ended");
}
