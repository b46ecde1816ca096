/**
 * The variable by which a whole machine goes without gVisor.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** Whether MOAT_NO_SANDBOX asks for it. @throws UsageError for a value that says neither */
export function isSandboxOff(env: Readonly<Record<string, string>>): boolean {
  const { MOAT_NO_SANDBOX: value = "" } = env;
  if (["", "0", "1"].includes(value)) return value === "1";
  throw new UsageError(`Cannot use MOAT_NO_SANDBOX="${value}": it is neither 1 nor 0`, {
    hint: "export MOAT_NO_SANDBOX=1 to go without gVisor, or unset it",
  });
}
