/**
 * The rules of `network.rules` that name other runs: `run:api`, `run:api/web`.
 *
 * Rules of other kinds have no effect yet, and are nobody's business here.
 *
 * @module
 */

import { isDnsLabel } from "../ids.ts";
import type { Reach } from "../plugin/router.ts";

const PREFIX = "run:";

/** Says whether the rule is meant to name a run, rightly written or not. */
export function namesRun(rule: unknown): boolean {
  if (typeof rule === "string") return rule.startsWith(PREFIX);
  // `run: api`: the space made a map of it.
  return typeof rule === "object" && rule !== null && "run" in rule;
}

/** What such a rule lets a run reach; `undefined` when it is not written rightly. */
export function parseReach(rule: unknown): Reach | undefined {
  if (typeof rule !== "string" || !rule.startsWith(PREFIX)) return undefined;
  const [run = "", ...rest] = rule.slice(PREFIX.length).split("/");
  const [endpoint] = rest;
  if (rest.length > 1 || ![run, ...rest].every(isDnsLabel)) return undefined;
  return { run, ...(endpoint === undefined ? {} : { endpoint }) };
}

/** The rule's text. */
export function formatReach({ run, endpoint }: Reach): string {
  return `${PREFIX}${run}${endpoint === undefined ? "" : `/${endpoint}`}`;
}
