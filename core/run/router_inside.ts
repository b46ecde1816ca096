/**
 * How a run's programs come to the router: which names lead there, and what keeps them from it.
 *
 * On a private network the runtime accepts their connections to the router's own port and brings them
 * to the daemon; on the host's network they reach the router by themselves. Pure.
 *
 * @module
 */

import { formatReach } from "../config/parse_reach.ts";
import type { Reach } from "../plugin/router.ts";
import type { RuntimeFacts } from "../plugin/runtime.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { RunPlan } from "./plan.ts";
import type { RunRequest } from "./request.ts";

/** What of a plan decides about the way to the router. */
export type InsidePlan = Pick<RunPlan, "name" | "network" | "endpoints" | "reach" | "services">;

/** What the plan says about it. */
export interface PlannedReach {
  readonly reach: readonly Reach[];
  readonly notices: readonly string[];
}

/** What the run may reach besides its own endpoints, and why rules have no effect here. */
export function planReach(
  { config, network, endpoints }: Pick<RunRequest, "config" | "network" | "endpoints">,
  facts: Pick<RuntimeFacts, "id" | "abilities">,
): PlannedReach {
  const { reach } = config.network;
  const rules = reach.map(formatReach).join(", ");
  if (network.mode === "host") {
    const notices = reach.length === 0
      ? []
      : [`Without effect on the host's network, where the run reaches every URL: ${rules}`];
    return { reach: [], notices };
  }
  if (facts.abilities.includes("accept")) return { reach, notices: [] };
  const isServed = endpoints.length > 0 && facts.abilities.includes("dial");
  return {
    reach: [],
    notices: [
      ...(isServed
        ? [`Runtime "${facts.id}" has no way to the router: URLs do not work inside the run`]
        : []),
      ...(reach.length === 0 ? [] : [`Without effect on runtime "${facts.id}": ${rules}`]),
    ],
  };
}

/** Says whether the daemon's router serves the run, or serves something to it. */
export function needsRouter({ endpoints, reach = [] }: InsidePlan): boolean {
  return endpoints.length > 0 || reach.length > 0;
}

/** Says whether connections from inside have to be accepted for the run. */
export function isServedInside(plan: InsidePlan): boolean {
  return plan.network.kind !== "host" && needsRouter(plan);
}

/**
 * What has the router's port inside the run and keeps its URLs from working there, as a sentence with
 * what to do; `undefined` when nothing is known to have it.
 */
export function describeClash(plan: InsidePlan, port: number): string | undefined {
  if (!isServedInside(plan)) return undefined;
  const endpoint = plan.endpoints.find((one) => one.port === port);
  if (endpoint !== undefined) {
    return clash(`endpoint ${endpoint.name}`, port, "give the endpoint or the router another port");
  }
  // Everything of such a run shares one loopback.
  const service = plan.network.kind !== "sandbox"
    ? undefined
    : plan.services.find((one) => one.port === port);
  return service && clash(`service ${service.name}`, port, "give the router another port");
}

function clash(holder: string, port: number, remedy: string): string {
  return `URLs of the router do not work inside this run: its ${holder} has the router's port ` +
    `${port}; ${remedy} (MOAT_PROXY_PORT)`;
}

/**
 * Host names of the router that the run is to know: its own and those that it may reach. The endpoints
 * of a run that is named as a whole are known when it lives.
 */
export function namesInside(
  plan: InsidePlan,
  findLive: (name: string) => Pick<RunRecord, "endpoints"> | undefined,
): readonly string[] {
  if (!isServedInside(plan)) return [];
  const names = [
    ...namesOf(plan.name, plan.endpoints.map(({ name }) => name)),
    ...(plan.reach ?? []).flatMap(({ run, endpoint }) =>
      endpoint === undefined
        ? namesOf(run, findLive(run)?.endpoints.map(({ name }) => name) ?? [])
        // A run's own name leads to its endpoint web.
        : namesOf(run, [endpoint]).slice(endpoint === "web" ? 0 : 1)
    ),
  ];
  return [...new Set(names)];
}

function namesOf(run: string, endpoints: readonly string[]): readonly string[] {
  return [`${run}.localhost`, ...endpoints.map((endpoint) => `${endpoint}.${run}.localhost`)];
}
