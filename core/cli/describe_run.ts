/**
 * A run as `--json` prints it, and the state that users see.
 *
 * @module
 */

import { endpointUrl } from "../run/endpoint_url.ts";
import { isLive, type RunState } from "../run/states.ts";
import { isOwned } from "../store/owner.ts";
import { type Paths, runPaths } from "../store/paths.ts";
import type { RunRecord, ServiceState } from "../store/run_record.ts";
import { ROUTER_PORT_FACT, type Store } from "../store/store.ts";

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
  readonly endpoints: readonly {
    readonly name: string;
    readonly port: number;
    /** Where the router serves it; `null` while it does not. */
    readonly url: string | null;
  }[];
  /** As their owner saw them last; `stopped` when they ended with the run. */
  readonly services: readonly { readonly name: string; readonly state: ServiceState | "stopped" }[];
}

/** The state to show. Looks at the owner's lock; changes nothing. */
export async function shownState(record: RunRecord, paths: Paths): Promise<ShownState> {
  if (!isLive(record.state) || record.owner === "daemon") return record.state;
  return await isOwned(runPaths(paths, record.id)) ? record.state : "orphaned";
}

/** The run with its present state. */
export async function describeRun(
  record: RunRecord,
  paths: Paths,
  store: Store,
): Promise<RunDescription> {
  const port = routerPort(record, store);
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
    endpoints: record.endpoints.map(({ name, port: inside }) => ({
      name,
      port: inside,
      url: port === undefined ? null : endpointUrl({ run: record.name, endpoint: name }, port),
    })),
    services: (record.services ?? []).map(({ name, state }) => ({
      name,
      state: isLive(record.state) ? state : stateAfterRun(state),
    })),
  };
}

/** What became of a service, told when its run is over: one that ended by itself stays so. */
export function stateAfterRun(state: ServiceState | undefined): "exited" | "failed" | "stopped" {
  return state === "exited" || state === "failed" ? state : "stopped";
}

/** The port on which the run's endpoints are served; `undefined` when they are not. */
export function routerPort(
  { id, state }: Pick<RunRecord, "id" | "state">,
  store: Store,
): number | undefined {
  if (!isLive(state) || !store.isRouted(id)) return undefined;
  return Number(store.fact(ROUTER_PORT_FACT)) || undefined;
}

/** JSON for standard output, with a newline. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
