/**
 * Whether a run's container is privileged, and what refuses the isolation that was chosen.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import type { ContributionOf } from "../plugin/contribution.ts";
import type { Isolation } from "../plugin/runtime.ts";

/** What was decided. */
export interface PlannedPrivilege {
  readonly isPrivileged: boolean;
  /** Why, as the end of a sentence. */
  readonly reason?: string;
  readonly warnings: readonly string[];
}

/** How isolations are called in sentences. */
const NAMES: Readonly<Record<Isolation, string>> = {
  gvisor: "gVisor",
  container: "a plain container",
  vm: "a virtual machine",
  namespaces: "namespaces alone",
};

/** Decides. @throws MoatError when a dependency does not work under the isolation, with the setting */
export function planPrivileged(
  contributions: readonly ContributionOf[],
  isolation: Isolation,
): PlannedPrivilege {
  for (const { entry, contribution } of contributions) {
    const refusal = contribution.refuses?.find((one) => one.isolation === isolation);
    if (refusal === undefined) continue;
    throw new MoatError(
      `Cannot give the run "${entry.text}" under ${NAMES[isolation]}: ${refusal.reason}`,
      { hint: refusal.hint },
    );
  }
  const asking = contributions.filter(({ contribution }) => contribution.privileged === true);
  const [first] = asking;
  if (first === undefined) return { isPrivileged: false, warnings: [] };
  if (isolation === "gvisor") {
    throw new MoatError(
      `Cannot give the run "${first.entry.text}" under gVisor: it needs a privileged container`,
      { hint: "Write sandbox: none in moat.yaml, or run with --isolation none" },
    );
  }
  const reasons = asking.map(({ entry, contribution }) =>
    contribution.privilegedFor ?? `${entry.text} needs it`
  );
  const reason = [...new Set(reasons)].join("; ");
  return { isPrivileged: true, reason, warnings: [`The run is privileged: ${reason}`] };
}
