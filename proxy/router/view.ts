/**
 * What of the routes somebody sees: the machine itself all of them, a run its own and what its rules name.
 *
 * Whether a run that is not named exists cannot be told from an answer: it is refused either way.
 *
 * @module
 */

import type { Endpoint, Origin } from "./contract.ts";
import type { RouteTable, ServedRun } from "./route_table.ts";

/** The routes as one caller sees them. */
export interface View {
  /** The caller, when it is a run that is served. */
  readonly caller: ServedRun | undefined;
  /** Runs of which an endpoint may be reached, by name. */
  readonly runs: readonly ServedRun[];
  /** The run of that lower-case name. */
  find(run: string): ServedRun | undefined;
  /** Says whether the caller may ask for that name, whether or not there is such a run. */
  mayReach(run: string, endpoint: string | undefined): boolean;
  /** Those of the run's endpoints that may be reached, in order. */
  endpointsOf(run: ServedRun): readonly Endpoint[];
}

/** Makes the function that gives whoever sent a request its view. */
export function viewsOf(table: RouteTable): (origin: Pick<Origin, "from">) => View {
  const host = hostView(table);
  const runs = new WeakMap<ServedRun, View>();
  return ({ from }) => {
    if (from === "host") return host;
    const caller = table.get(from.run);
    if (caller === undefined) return runView(table, undefined);
    const view = runs.get(caller) ?? runView(table, caller);
    runs.set(caller, view);
    return view;
  };
}

function hostView(table: RouteTable): View {
  return {
    caller: undefined,
    get runs() {
      // One without endpoints is there for what it may reach itself.
      return table.runs.filter(({ endpoints }) => endpoints.size > 0);
    },
    find: (run) => table.find(run),
    mayReach: () => true,
    endpointsOf: ({ endpoints }) => [...endpoints.values()],
  };
}

/** A caller whose route has gone sees nothing. */
function runView(table: RouteTable, caller: ServedRun | undefined): View {
  const reachOf = (run: string) => run === caller?.name ? "all" : caller?.reach.get(run);
  const mayReach: View["mayReach"] = (run, endpoint) => {
    const reach = reachOf(run);
    if (reach === undefined || reach === "all") return reach !== undefined;
    // A run's own name means web, or whatever else it leads to.
    const meant = endpoint ?? table.find(run)?.default?.name ?? "web";
    return reach.has(meant);
  };
  const endpointsOf: View["endpointsOf"] = ({ name, endpoints }) =>
    [...endpoints.values()].filter((endpoint) => mayReach(name, endpoint.name));
  return {
    caller,
    get runs() {
      if (caller === undefined) return [];
      const names = [caller.name, ...caller.reach.keys()];
      return [...new Set(names)].toSorted()
        .flatMap((name) => table.find(name) ?? [])
        .filter((run) => endpointsOf(run).length > 0);
    },
    find: (run) => reachOf(run) === undefined ? undefined : table.find(run),
    mayReach,
    endpointsOf,
  };
}
