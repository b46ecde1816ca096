/**
 * What a run's network will and will not do on this machine, without starting anything.
 *
 * @module
 */

import { findHelpers } from "./find_helpers.ts";
import { readHostProxies } from "./host_proxy.ts";
import { needsProxy, relayNotice } from "./open_network.ts";

/** Notices for `moat doctor` and the plan. */
export function networkFacts(
  { env }: { readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly notices: readonly string[] }> {
  const proxies = readHostProxies(env);
  const helpers = needsProxy(proxies) ? [] : findHelpers(env);
  return Promise.resolve({
    notices: helpers.length > 0
      ? proxies.notices
      : [...proxies.notices, relayNotice(proxies, { skipped: false })],
  });
}
