/**
 * What moat uses here and does right now, for `moat status`. Changes nothing.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { findDaemon } from "../daemon/ensure_daemon.ts";
import type { RouterState } from "../daemon/route_keeper.ts";
import { describeError, MoatError } from "../errors.ts";
import { chooseRuntime } from "../run/choose_runtime.ts";
import { isSandboxOff } from "../run/is_sandbox_off.ts";
import { runtimeCandidates } from "../run/prepare.ts";
import { Store } from "../store/store.ts";
import { describeRun, type RunDescription } from "./describe_run.ts";
import { usedBytes } from "./disk.ts";
import { formatBytes } from "./format_time.ts";
import { alignColumns, printable } from "./table.ts";
import { withProjectRuntime } from "./with_project_runtime.ts";

/** Everything that `moat status` says; the object of `--json`. */
export interface Status {
  readonly version: string;
  readonly home: string;
  /** `null` before the first run. */
  readonly homeId: string | null;
  /** What a run would get here; `null` when none would start. */
  readonly runtime: {
    readonly id: string;
    readonly description: string;
    readonly target: string;
    readonly isolation: string;
    readonly reason: string;
  } | null;
  readonly daemon: { readonly pid: number; readonly version: string } | null;
  /** `null` when it does not listen. */
  readonly router: { readonly url: string; readonly port: number; readonly routes: number } | null;
  /** Live runs. */
  readonly runs: readonly RunDescription[];
  readonly diskBytes: number;
  readonly problems: readonly { readonly text: string; readonly fix: string | null }[];
}

/** Looks at everything. */
export async function readStatus(context: Context): Promise<Status> {
  const { paths, version } = context;
  using store = Store.openExisting(paths);
  const live = store?.findRuns({ live: true }) ?? [];
  const described = live.map((record) => store && describeRun(record, paths, store));
  const [choice, daemon, runs, diskBytes] = await Promise.all([
    readChoice(context),
    store === undefined ? undefined : findDaemon(store),
    Promise.all(described.filter((run) => run !== undefined)),
    usedBytes(paths.store),
  ]);
  const orphans = runs.filter(({ state }) => state === "orphaned")
    .map(({ name, id }) => ({
      text: `run "${name}" (${id}) lost its owner`,
      fix: "moat clean",
    }));
  return {
    version,
    home: paths.home,
    homeId: store?.homeId ?? null,
    runtime: choice.runtime,
    daemon: daemon === undefined ? null : { pid: daemon.pid, version: daemon.version },
    router: daemon?.router === undefined ? null : describeRouter(daemon.router),
    runs,
    diskBytes,
    problems: [...choice.problems, ...orphans, ...insideProblems(daemon?.router)],
  };
}

function describeRouter({ port, routes }: RouterState): NonNullable<Status["router"]> {
  return { url: `http://localhost:${port}`, port, routes };
}

function insideProblems(router: RouterState | undefined): Status["problems"] {
  return (router?.insideProblems ?? []).map(({ run, id, reason }) => ({
    text: `run "${run}" (${id}) cannot come to the router: ${reason}`,
    fix: null,
  }));
}

async function readChoice(context: Context): Promise<Pick<Status, "runtime" | "problems">> {
  const { env } = context;
  const asked = env.MOAT_RUNTIME;
  try {
    const { facts, isolation, reason } = await chooseRuntime({
      ...(asked ? { runtime: { id: asked, origin: "typed" } } : {}),
      ...(isSandboxOff(env) ? { isolation: "none" as const } : {}),
      needs: [],
    }, runtimeCandidates(await withProjectRuntime(context)));
    const { id, description, target } = facts;
    return { runtime: { id, description, target, isolation, reason }, problems: [] };
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    const problem = { text: describeError(error), fix: error.hint ?? null };
    return { runtime: null, problems: [problem] };
  }
}

/** The status for people. */
export function renderStatus(status: Status): string {
  const { runtime, daemon, runs } = status;
  const rows = [
    ["Version", status.version],
    ["Home", status.home],
    ["Runtime", runtime === null ? "none" : `${runtime.id}, ${runtime.description}`],
    ...(runtime === null ? [] : [["Isolation", runtime.isolation], ["Why", runtime.reason]]),
    ["Daemon", daemon === null ? "not running; starts when needed" : `running, pid ${daemon.pid}`],
    ["Router", routerText(status.router)],
    ["Runs", runs.length === 0 ? "none live" : `${runs.length} live`],
    ["Disk", `${formatBytes(status.diskBytes)} for records and logs`],
    ...status.problems.map(({ text, fix }) => [
      "Problem",
      fix === null ? text : `${text} → ${fix.split("\n", 1)[0]}`,
    ]),
  ];
  return `${alignColumns(rows.map((row) => row.map(printable))).join("\n")}\n`;
}

function routerText(router: Status["router"]): string {
  if (router === null) return "not running; starts with the first run that has endpoints";
  const { url, routes } = router;
  return `${url}, serves ${routes === 1 ? "1 run" : `${routes} runs`}`;
}
