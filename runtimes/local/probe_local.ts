/**
 * Finds out whether a sandbox can be built here, by building one.
 *
 * A success is remembered by the first real start (see `trial_stamp.ts`), never by looking: commands
 * that only read write nothing.
 *
 * @module
 */

import type { RuntimeEnvironment, RuntimeProbe } from "../../core/plugin/contract.ts";
import { AUTHORITY_FILES } from "./authority_files.ts";
import { explainTrial } from "./explain_trial.ts";
import { findProgram } from "./find_program.ts";
import { networkFacts } from "./network/network_facts.ts";
import type { Backend } from "./sandbox_state.ts";
import { isStamped } from "./trial_stamp.ts";
import { trySandbox } from "./try_sandbox.ts";

/** Test switch: the only backend to try. */
const FORCED = "MOAT_LOCAL_BACKEND";

/** The facts of this runtime here, or why there is none. */
export async function probeLocal(
  environment: RuntimeEnvironment,
  signal?: AbortSignal,
): Promise<RuntimeProbe> {
  const failures: { backend: Backend; said: string }[] = [];
  for (const backend of candidates(environment)) {
    const said = await isStamped(environment, backend)
      ? undefined
      : await trySandbox(environment, { backend, signal });
    if (said === undefined) return await available(environment, backend);
    failures.push({ backend, said });
  }
  return { kind: "unavailable", ...explainTrial(failures) };
}

/** The backends to try, best first. */
function candidates({ env }: RuntimeEnvironment): readonly Backend[] {
  const forced = env[FORCED];
  if (forced === "bubblewrap" || forced === "unshare") return [forced];
  return findProgram("bwrap", env) === undefined ? ["unshare"] : ["bubblewrap", "unshare"];
}

async function available(
  { env, arch }: RuntimeEnvironment,
  backend: Backend,
): Promise<RuntimeProbe> {
  const { notices } = await networkFacts({ env });
  return {
    kind: "available",
    facts: {
      id: "local",
      target: backend,
      description: `Sandbox on this machine (${backend})`,
      arch,
      isolations: ["namespaces"],
      defaultIsolation: "namespaces",
      abilities: ["volumes", "services", "dial", "accept"],
      authorityFiles: AUTHORITY_FILES,
      shiftedIds: false,
      workspace: "/workspace",
      notices,
      usesHostTools: true,
    },
  };
}
