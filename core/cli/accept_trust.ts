/**
 * Whether this project may do what its own file asks for beyond the project.
 *
 * Asked once on a terminal; elsewhere `--trust` accepts, and without it the run is refused with the
 * list. What was accepted is kept by a digest of exactly these settings.
 *
 * @module
 */

import { trustDigest } from "../config/trust_digest.ts";
import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import type { RunPlan, TrustedSetting } from "../run/plan.ts";
import type { Store } from "../store/store.ts";
import { canAsk, confirm } from "./ask.ts";
import { printable } from "./table.ts";

/** Options of {@linkcode acceptTrust}. */
export interface AcceptTrustOptions {
  readonly store: Pick<Store, "isTrusted" | "trust">;
  /** `--trust` was typed. */
  readonly accepted: boolean;
  /** Called before something is asked, to clear what is shown. */
  beforeAsking?(): Promise<void>;
}

/** Returns when the plan's settings are accepted. @throws MoatError with the list when not */
export async function acceptTrust(
  { project, trust }: Pick<RunPlan, "project" | "trust">,
  context: Pick<Context, "stdio" | "signal">,
  { store, accepted, beforeAsking }: AcceptTrustOptions,
): Promise<void> {
  if (trust.length === 0) return;
  const digest = trustDigest(trust);
  if (store.isTrusted(project, digest)) return;
  if (!accepted) {
    if (!canAsk(context.stdio)) throw refused(project, trust);
    await beforeAsking?.();
    await context.stdio.error(`${printable(project)} asks for more than its own directory:\n`);
    await context.stdio.error(renderSettings(trust));
    if (!await confirm("Allow this for this project from now on?", context)) {
      throw new MoatError(
        `Cannot run "${printable(project)}": you did not accept what it asks for`,
        {
          hint: "Edit moat.yaml, or accept it: moat trust",
        },
      );
    }
  }
  store.trust(project, digest, trust);
}

/** The settings, one a line, with what each allows. */
export function renderSettings(settings: readonly TrustedSetting[]): string {
  return settings.map(({ key, value, effect }) =>
    `  ${printable(key)}: ${printable(value)}  (${printable(effect)})\n`
  ).join("");
}

function refused(project: string, trust: readonly TrustedSetting[]): MoatError {
  return new MoatError(
    `Cannot run "${printable(project)}": its file asks for what was not accepted\n${
      renderSettings(trust).trimEnd()
    }`,
    { hint: "Read it; then accept it with moat trust, or for this run and later ones: --trust" },
  );
}
