/**
 * Finds the password of a service in the run that uses it: nobody else keeps it.
 *
 * @module
 */

import type { OwnedRun } from "../owned_run.ts";
import type { ServicePlan } from "../plan.ts";
import { execInside } from "./exec_inside.ts";

/** The password; `undefined` where the run has none, or cannot be asked any more. */
export async function findPassword(
  { variables }: Pick<ServicePlan, "variables">,
  { runtime, record }: Pick<OwnedRun, "runtime" | "record">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const variable = Object.keys(variables).find((key) => variables[key] === "{password}");
  if (variable === undefined) return undefined;
  const { container } = record.plan;
  const command = ["sh", "-c", `printf %s "$${variable}"`];
  try {
    const { code, output } = await execInside(runtime, container.name, {
      command,
      user: container,
      signal,
    });
    return code === 0 && output !== "" ? output : undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}
