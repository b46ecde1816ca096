/**
 * Serves the relay of a detached sandbox from the daemon, also after the daemon's own restart, or
 * keeps the wall of a helper up to date.
 *
 * @module
 */

import { readRecord } from "./helper_record.ts";
import { keepWall } from "./keep_wall.ts";
import { prepareRelaySocket } from "./relay_socket.ts";
import { serveRelay } from "./serve_relay.ts";

/** Takes over what the sandbox needs from a process; `undefined` when nothing was opened. */
export async function superviseNetwork(
  { stateDir, env }: {
    readonly stateDir: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<AsyncDisposable | undefined> {
  const record = await readRecord(stateDir);
  if (record === undefined) return undefined;
  if (record.kind !== "relay") {
    const wall = keepWall({ sandbox: record.sandbox, env });
    return { [Symbol.asyncDispose]: () => Promise.resolve(wall[Symbol.dispose]()) };
  }
  return await serveRelay(await prepareRelaySocket(stateDir), { env });
}
