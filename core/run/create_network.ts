/**
 * Creates a run's network on a subnet that nobody has: recorded first, then tried on the engine,
 * which knows networks that this home does not.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import { runLabels } from "../ids.ts";
import type { Networks } from "../plugin/runtime.ts";
import type { Store } from "../store/store.ts";

/** Options of {@linkcode createNetwork}. */
export interface CreateNetworkOptions {
  readonly runId: string;
  readonly pool: string;
  readonly networks: Networks;
  readonly store: Pick<Store, "takeSubnet" | "freeSubnet" | "homeId">;
  /** Subnets that the host has routes to. */
  readonly routes: readonly string[];
  readonly signal: AbortSignal;
}

/** Other homes on the engine hold at most so many subnets in a row. */
const MAX_TRIES = 64;

/** Creates the network of that name, returns its subnet. @throws MoatError when none is free */
export async function createNetwork(
  name: string,
  { runId, pool, networks, store, routes, signal }: CreateNetworkOptions,
): Promise<string> {
  const taken = [...routes];
  const labels = runLabels(store.homeId, runId, "network");
  for (let tries = 1;; tries++) {
    const subnet = store.takeSubnet(runId, pool, taken);
    try {
      await networks.create({ name, subnet, labels }, { signal });
      return subnet;
    } catch (error) {
      store.freeSubnet(runId);
      if (!(error instanceof MoatError) || !/overlap/i.test(error.message)) throw error;
      if (tries === MAX_TRIES) throw error;
      taken.push(subnet);
    }
  }
}
