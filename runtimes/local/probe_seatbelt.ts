/**
 * Finds out whether macOS lets us build sandboxes, by building one.
 *
 * @module
 */

import type { RuntimeEnvironment, RuntimeProbe } from "../../core/plugin/contract.ts";
import { SANDBOX_EXEC } from "./seatbelt_runtime.ts";

/** Time for the trial. */
const TIMEOUT_MS = 5_000;

/** The facts of this runtime on this Mac, or why there is none. */
export async function probeSeatbelt({ arch }: RuntimeEnvironment): Promise<RuntimeProbe> {
  const said = await trySandbox();
  if (said !== undefined) {
    return {
      kind: "unavailable",
      reason: `sandbox-exec does not work here: ${said}`,
      hint: "moat run --runtime docker",
    };
  }
  return {
    kind: "available",
    facts: {
      id: "local",
      target: "seatbelt",
      description: "Sandbox on this machine (Seatbelt)",
      arch,
      isolations: ["namespaces"],
      defaultIsolation: "namespaces",
      abilities: [],
      shiftedIds: false,
      workspace: "/workspace",
      notices: [
        "On macOS the project stays at its own path (MOAT_WORKSPACE), processes are not hidden, " +
        "and nothing runs with a terminal or detached yet",
      ],
      usesHostTools: true,
    },
  };
}

/** What went wrong, or `undefined`. */
async function trySandbox(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(SANDBOX_EXEC, {
      args: [
        "-p",
        "(version 1)(deny default)(allow process-exec)(allow file-read*)",
        "/usr/bin/true",
      ],
      stdin: "null",
      stdout: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim() || "it fails";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "it is not there";
    throw error;
  }
}
