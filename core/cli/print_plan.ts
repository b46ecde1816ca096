/**
 * `moat plan` and `moat run --dry-run`.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { EXIT } from "../errors.ts";
import { prepareRun } from "../run/prepare.ts";
import type { RunFlags } from "../run/request.ts";
import { toJson } from "./describe_run.ts";
import { renderPlan } from "./render_plan.ts";

/** Options of {@linkcode printPlan}. */
export interface PrintPlanOptions {
  readonly json: boolean;
}

/** Plans and prints; creates nothing. */
export async function printPlan(
  flags: RunFlags,
  context: Context,
  { json }: PrintPlanOptions,
): Promise<number> {
  const { plan } = await prepareRun(flags, context);
  await context.stdio.output(json ? toJson(plan) : renderPlan(plan));
  return EXIT.ok;
}
