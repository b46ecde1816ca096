/**
 * Which run the user means: an id, the start of an id, a name, or nothing.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { isRunId } from "../ids.ts";
import { nearest } from "../nearest.ts";
import type { RunRecord } from "./run_record.ts";
import type { Store } from "./store.ts";
import { isLive } from "../run/states.ts";

/** What was typed. */
export interface ResolveRunOptions {
  readonly query?: string;
  /** Absolute path: without a query, the newest run of this project is meant. */
  readonly project?: string;
}

/**
 * The run that is meant. A name means its live run, else its newest; only prefixes of ids can be
 * ambiguous. @throws UsageError when none or several match
 */
export function resolveRun(
  store: Pick<Store, "getRun" | "findRuns">,
  { query, project }: ResolveRunOptions,
): RunRecord {
  if (query === undefined) return newestOfProject(store, project);
  if (isRunId(query)) return store.getRun(query) ?? unknownRun(store, query);
  if (query.startsWith("run_")) return byPrefix(store, query);
  const named = store.findRuns({ name: query });
  return named.find(({ state }) => isLive(state)) ?? named[0] ?? unknownRun(store, query);
}

function newestOfProject(store: Pick<Store, "findRuns">, project: string | undefined): RunRecord {
  const [newest] = project === undefined ? [] : store.findRuns({ project });
  if (newest !== undefined) return newest;
  throw new UsageError(`Cannot find a run of "${project ?? "."}": there was none`, {
    hint: "List all runs and name one: moat list -a",
  });
}

function byPrefix(store: Pick<Store, "findRuns">, query: string): RunRecord {
  const matches = store.findRuns({ idPrefix: query });
  const [only, second] = matches;
  if (only === undefined) return unknownRun(store, query);
  if (second === undefined) return only;
  const list = matches.map(({ id, name, state }) => `${id} (${name}, ${state})`).join(", ");
  throw new UsageError(`Cannot choose run "${query}": several ids begin so: ${list}`, {
    hint: `Write more of the id, such as ${only.id}`,
  });
}

function unknownRun(store: Pick<Store, "findRuns">, query: string): never {
  const names = [...new Set(store.findRuns().map(({ name }) => name))];
  const guess = nearest(query, names);
  throw new UsageError(`Cannot find run "${query}": there is none of that name or id`, {
    hint: guess === undefined ? "moat list -a" : `Did you mean "${guess}"?`,
  });
}
