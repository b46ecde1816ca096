/**
 * Adds addresses that the host gets later, as a laptop does that changes networks, to the wall of a
 * sandbox that has a helper. The relay needs none of this: it looks at each connection.
 *
 * @module
 */

import { isAlive } from "../process_identity.ts";
import type { ProcessIdentity } from "../sandbox_state.ts";
import { EXTENSION } from "./namespace_script.ts";

/** Between two looks; the interfaces are asked of the kernel, nothing is started. */
const INTERVAL_MS = 1_000;

/** Options of {@linkcode keepWall}. */
export interface KeepWallOptions {
  readonly sandbox: ProcessIdentity;
  readonly env: Readonly<Record<string, string>>;
}

/** Watches until disposed, or until the sandbox ends. Keeps no process alive. */
export function keepWall({ sandbox, env }: KeepWallOptions): Disposable {
  let walled: ReadonlySet<string> = new Set();
  let extending = false;
  const timer = setInterval(async () => {
    if (extending) return;
    if (!isAlive(sandbox)) return clearInterval(timer);
    const now = new Set(ownIpv4Addresses());
    const added = [...now].filter((address) => !walled.has(address));
    if (added.length === 0) return;
    extending = true;
    // One that failed is tried again at the next look.
    if (await extendWall(added, { sandbox, env })) walled = now;
    extending = false;
  }, INTERVAL_MS);
  Deno.unrefTimer(Number(timer));
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function ownIpv4Addresses(): readonly string[] {
  return Deno.networkInterfaces().filter(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  ).map(({ address }) => address);
}

async function extendWall(
  addresses: readonly string[],
  { sandbox, env }: KeepWallOptions,
): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("perl", {
      args: ["-e", EXTENSION, String(sandbox.pid), ...addresses.map((address) => `${address}/32`)],
      env: { ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    // Without perl there was no helper; whatever else it is may pass.
    return false;
  }
}
