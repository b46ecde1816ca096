/**
 * The routes by name: what is served at this moment.
 *
 * Looking a name up costs the same however many there are.
 *
 * @module
 */

import type { Reach, Route } from "../../core/plugin/router.ts";
import type { Endpoint } from "./contract.ts";

/** A run that is served, with its endpoints made ready. */
export interface ServedRun {
  readonly id: string;
  readonly name: string;
  /** By name, in the order in which they were written. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** What the run's own name leads to: `web`, else the first. */
  readonly default: Endpoint | undefined;
  /** Several endpoints of which none is `web`: the run's own name means none of them for sure. */
  readonly isAmbiguous: boolean;
  /** Other runs by name, with those of their endpoints that it may reach. */
  readonly reach: ReadonlyMap<string, "all" | ReadonlySet<string>>;
  whyNotReady(): string | undefined;
}

/** Routes that are served. */
export class RouteTable {
  readonly #byName = new Map<string, ServedRun>();
  readonly #byId = new Map<string, ServedRun>();

  /** All, by name. */
  get runs(): readonly ServedRun[] {
    return [...this.#byName.values()].toSorted((a, b) => a.name < b.name ? -1 : 1);
  }

  /** The run of that lower-case name. */
  find(name: string): ServedRun | undefined {
    return this.#byName.get(name);
  }

  /** The run with that id. */
  get(id: string): ServedRun | undefined {
    return this.#byId.get(id);
  }

  /** Adds it in place of what has its run or its name. */
  set(route: Route): void {
    this.delete(route.runId);
    const namesake = this.#byName.get(route.runName);
    if (namesake !== undefined) this.delete(namesake.id);
    const run = serve(route);
    this.#byName.set(run.name, run);
    this.#byId.set(run.id, run);
  }

  /** Takes it out; returns what was served. */
  delete(runId: string): ServedRun | undefined {
    const run = this.#byId.get(runId);
    if (run === undefined) return undefined;
    this.#byId.delete(runId);
    this.#byName.delete(run.name);
    return run;
  }
}

function serve(
  { runId, runName, endpoints, reach = [], connect, whyNotReady }: Route,
): ServedRun {
  const made = new Map(endpoints.map(({ name, port }): [string, Endpoint] => [name, {
    id: `${runId}/${name}`,
    run: runName,
    name,
    port,
    connect: (signal) => connect(port, { signal }),
  }]));
  const [first] = made.values();
  return {
    id: runId,
    name: runName,
    endpoints: made,
    default: made.get("web") ?? first,
    isAmbiguous: made.size > 1 && !made.has("web"),
    reach: byRun(reach),
    whyNotReady: () => whyNotReady?.(),
  };
}

function byRun(reach: readonly Reach[]): ServedRun["reach"] {
  const runs = new Map<string, "all" | Set<string>>();
  for (const { run, endpoint } of reach) {
    const known = runs.get(run);
    if (endpoint === undefined) runs.set(run, "all");
    else if (known === undefined) runs.set(run, new Set([endpoint]));
    else if (known !== "all") known.add(endpoint);
  }
  return runs;
}
