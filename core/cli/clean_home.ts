/**
 * `moat clean`: says what would go, asks, removes.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import { carryOutClean, type CleanPlan, planClean } from "../run/clean.ts";
import { Store } from "../store/store.ts";
import { canAsk, confirm } from "./ask.ts";
import { labelled } from "./report_error.ts";

/** Options of {@linkcode cleanHome}. */
export interface CleanOptions {
  /** Do not ask. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Remove records of runs that ended at least so long ago, and nothing else. */
  readonly recordsOlderThanMs?: number;
}

/** @throws MoatError when something could not be removed, or nobody confirmed */
export async function cleanHome(context: Context, options: CleanOptions): Promise<void> {
  const { paths, stdio } = context;
  if (!hasStore(context)) return await stdio.error("Nothing to clean\n");
  using store = Store.open(paths);
  const { recordsOlderThanMs: age } = options;
  const plan = await planClean(context, {
    store,
    ...(age === undefined ? {} : { recordsBefore: new Date(Date.now() - age) }),
  });
  for (const { runtime, target, reason } of plan.unreachable) {
    await stdio.error(labelled("warning", `Cannot look at ${runtime} (${target}): ${reason}`));
  }
  const lines = describe(plan);
  if (lines.length === 0) return await stdio.error("Nothing to clean\n");
  await stdio.error(lines.map((line) => `  ${line}\n`).join(""));
  if (options.dryRun) return await stdio.error("Nothing was removed: --dry-run\n");
  await ask(context, options);
  const { removed, failures } = await carryOutClean(plan, context, { store });
  await stdio.error(`Removed ${removed} of ${lines.length}\n`);
  if (failures.length === 0) return;
  const texts = failures.map(({ subject, reason }) => `${subject}: ${reason}`);
  throw new MoatError(`Cannot remove everything\n${texts.join("\n")}`, { hint: "moat doctor" });
}

function hasStore({ paths }: Context): boolean {
  using existing = Store.openExisting(paths);
  return existing !== undefined;
}

function describe({ orphans, resources, images, records, plugins }: CleanPlan): readonly string[] {
  return [
    ...orphans.map(({ name, id }) => `run "${name}" (${id}), whose owner died`),
    ...resources.map(({ resource: { kind, name } }) => `${kind} ${name}`),
    ...images.map(({ tag }) => `image ${tag}, unused for 7 days`),
    ...records.map(({ name, id }) => `record, logs and events of "${name}" (${id})`),
    ...plugins.map(({ subject }) => subject),
  ];
}

async function ask(context: Context, { force }: CleanOptions): Promise<void> {
  if (force) return;
  if (!canAsk(context.stdio)) {
    throw new MoatError("Cannot ask whether to remove this: there is no terminal", {
      hint: "moat clean --force",
    });
  }
  if (!await confirm("Remove all of this?", context)) {
    throw new MoatError("Nothing was removed: it was not confirmed");
  }
}
