/**
 * A run as `--json` prints it, and the state that users see.
 *
 * @module
 */

import { isLive, type RunState } from "../run/states.ts";
import { isOwned } from "../store/owner.ts";
import { type Paths, runPaths } from "../store/paths.ts";
import type { RunRecord, ServiceState } from "../store/run_record.ts";

/**
 * `orphaned`: live by the record, but its owner died; `moat clean` ends it. A run of the daemon's
 * goes on without it, and the next one takes it over.
 */
export type ShownState = RunState | "orphaned";

/** One run; keys are always there, `null` where nothing is known. */
export interface RunDescription {
  readonly id: string;
  readonly name: string;
  readonly state: ShownState;
  readonly project: string;
  readonly runtime: string;
  readonly isolation: string | null;
  readonly isolatedBy: string | null;
  readonly detached: boolean;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly endpoints: readonly { readonly name: string; readonly port: number }[];
  /** As their owner saw them last; `stopped` when the run is over. */
  readonly services: readonly { readonly name: string; readonly state: ServiceState | "stopped" }[];
}

/** The state to show. Looks at the owner's lock; changes nothing. */
export async function shownState(record: RunRecord, paths: Paths): Promise<ShownState> {
  if (!isLive(record.state) || record.owner === "daemon") return record.state;
  return await isOwned(runPaths(paths, record.id)) ? record.state : "orphaned";
}

/** The run with its present state. */
export async function describeRun(record: RunRecord, paths: Paths): Promise<RunDescription> {
  return {
    id: record.id,
    name: record.name,
    state: await shownState(record, paths),
    project: record.project,
    runtime: record.runtime,
    isolation: record.isolation ?? null,
    isolatedBy: record.isolatedBy ?? null,
    detached: record.detached,
    createdAt: record.createdAt,
    startedAt: record.startedAt ?? null,
    finishedAt: record.finishedAt ?? null,
    exitCode: record.exitCode ?? null,
    reason: record.reason ?? null,
    endpoints: record.endpoints,
    services: (record.services ?? []).map(({ name, state }) => ({
      name,
      state: isLive(record.state) || state === "exited" || state === "failed" ? state : "stopped",
    })),
  };
}

/** JSON for standard output, with a newline. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
