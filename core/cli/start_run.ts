/**
 * `moat run`: from flags to the run's exit code.
 *
 * Everything that can be refused is refused before anything exists. What standard output gets is
 * the command's alone, or with `-d` the run's id.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { RouterState } from "../daemon/route_keeper.ts";
import { EXIT } from "../errors.ts";
import { executePlan, type StartedRun } from "../run/execute.ts";
import { handOver } from "../run/hand_over.ts";
import { openRuntime } from "../run/open_runtime.ts";
import { prepareRun } from "../run/prepare.ts";
import { reapDeadRuns } from "../run/reap.ts";
import type { RunFlags } from "../run/request.ts";
import { Store } from "../store/store.ts";
import { acceptTrust } from "./accept_trust.ts";
import { attachStartedRun } from "./attach_started_run.ts";
import { describeRun, toJson } from "./describe_run.ts";
import { printNotices } from "./notices.ts";
import { printPlan } from "./print_plan.ts";
import { createProgress } from "./progress.ts";
import {
  announceStart,
  endpointLines,
  publishEndpoints,
  withdrawEndpoints,
} from "./publish_endpoints.ts";

/** Options of {@linkcode startRun}. */
export interface StartRunOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Plans, creates, starts; attached, also waits. Returns moat's exit code. */
export async function startRun(
  flags: RunFlags,
  context: Context,
  options: StartRunOptions,
): Promise<number> {
  if (options.dryRun) return await printPlan(flags, context, options);
  await using progress = createProgress(context.stdio, options);
  const prepared = await prepareRun(flags, context);
  using store = Store.open(context.paths);
  await acceptTrust(prepared.plan, context, {
    store,
    accepted: flags.trust ?? false,
    beforeAsking: () => progress.clear(),
  });
  await progress.clear();
  await printNotices(prepared.plan, context.stdio, options);
  await reapDeadRuns(context, store);
  await using runtime = await openRuntime(
    { runtime: prepared.plan.runtime.id, target: prepared.plan.runtime.target },
    context,
    { homeId: store.homeId },
  );
  const { paths, signal } = context;
  const { plan, homeConfig } = prepared;
  const notices: string[] = [];
  // What the plan has said is not said again when it comes true.
  const notice = (text: string) => {
    if (![...plan.notices, ...notices].includes(text)) notices.push(text);
  };
  let router: RouterState | undefined;
  let announced: Promise<void> | undefined;
  const announce = (runId: string) => void (announced = announceStart(runId, store));
  const publish = async (runId: string, signal: AbortSignal) =>
    router = await publishEndpoints(runId, context, { homeConfig, signal, notice });
  try {
    const started = await executePlan(prepared, {
      store,
      paths,
      runtime,
      signal,
      progress,
      notice,
      publish,
      announce,
    });
    await progress.clear();
    await printNotices({ warnings: [], notices }, context.stdio, options);
    const lines = endpointLines(plan, router?.port);
    if (plan.detached) return await detach(started, context, { ...options, lines });
    if (!options.quiet && lines.length > 0) await context.stdio.error(`${lines.join("\n")}\n`);
    return await attachStartedRun(started, context, { ...prepared, quiet: options.quiet });
  } finally {
    await announced;
    if (router !== undefined) await withdrawEndpoints(store);
  }
}

/** Gives the run to the daemon and says how it is called. */
async function detach(
  started: StartedRun,
  context: Context,
  { json, quiet, lines }: StartRunOptions & { readonly lines: readonly string[] },
): Promise<number> {
  const { record, store, paths } = started;
  await handOver(started, context);
  if (!quiet) {
    const text = [`Started "${record.name}" (${record.id})`, ...lines].join("\n");
    await context.stdio.error(`${text}\n`);
  }
  const now = store.getRun(record.id) ?? record;
  await context.stdio.output(
    json ? toJson(await describeRun(now, paths, store)) : `${record.id}\n`,
  );
  return EXIT.ok;
}
