/**
 * The service that a command is about.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { CompanionPlan, RunPlan, ServicePlan } from "../run/plan.ts";
import type { Arguments } from "./arguments.ts";
import { findRun, type FoundRun } from "./find_run.ts";

/** A service or sidecar, its run, and the store it was found in. */
export interface FoundService extends FoundRun {
  readonly service: CompanionPlan | ServicePlan;
}

/**
 * Finds the service that the positionals `run` and `service` name; without a run, of the newest of
 * this directory. @throws UsageError when there is none
 */
export async function findService(
  args: Pick<Arguments, "positional">,
  context: Pick<Context, "paths" | "cwd" | "stdio">,
): Promise<FoundService> {
  const found = await findRun(args, context, { readOnly: true });
  try {
    const service = serviceNamed(args.positional("service") ?? "", found.record);
    return { ...found, service };
  } catch (error) {
    found[Symbol.dispose]();
    throw error;
  }
}

/** Who runs commands inside it: root of its container, or the run's user on host tools. */
export function serviceUser(
  { image }: Pick<CompanionPlan, "image">,
  { container: { uid, gid } }: RunPlan,
): { readonly uid: number; readonly gid: number } {
  return image === undefined ? { uid, gid } : { uid: 0, gid: 0 };
}

function serviceNamed(
  name: string,
  { name: run, plan }: FoundRun["record"],
): FoundService["service"] {
  const all = [...plan.services, ...plan.sidecars];
  const service = all.find((one) => one.name === name);
  if (service !== undefined) return service;
  const names = all.map((one) => one.name);
  const guess = nearest(name, names);
  throw new UsageError(
    `Cannot find service "${name}" of run "${run}": it has ${names.join(", ") || "none"}`,
    { hint: guess === undefined ? "moat service ls" : `Did you mean "${guess}"?` },
  );
}
