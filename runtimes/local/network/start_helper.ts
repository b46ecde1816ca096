/**
 * Starts pasta or slirp4netns, whichever of them works here.
 *
 * A helper that hangs is remembered beside the sandboxes until the machine starts again or the
 * program changes, so that later runs do not wait for it.
 *
 * @module
 */

import { dirname } from "node:path";
import type { NetworkRequest } from "./contract.ts";
import { findHelpers, type FoundHelper } from "./find_helpers.ts";
import type { HelperRecord } from "./helper_record.ts";
import { freeInsideNetwork, hostRanges, trialAddress, walledRanges } from "./host_addresses.ts";
import { isSkipped, skipHelper } from "./skipped_helpers.ts";
import { HelperHangs, tryHelper } from "./try_helper.ts";

/** A running helper, or none, with what the user should know about those skipped. */
export interface HelperOutcome {
  readonly started?: {
    readonly record: Exclude<HelperRecord, { readonly kind: "relay" }>;
    readonly resolvConf: string;
  };
  readonly notices: readonly string[];
}

/** Tries the helpers on PATH in order of preference. */
export async function startHelper(request: NetworkRequest): Promise<HelperOutcome> {
  const helpers = findHelpers(request.env);
  if (helpers.length === 0) return { notices: [] };
  const host = await hostRanges();
  const prefix = await freeInsideNetwork();
  const trial = trialAddress(host);
  if (trial === undefined || prefix === undefined) {
    const what = trial === undefined ? "IPv4 address" : "free private network";
    return { notices: [`No full network for this run: the host has no ${what}`] };
  }
  const memory = dirname(request.stateDir);
  const notices: string[] = [];
  for (const helper of helpers) {
    request.signal?.throwIfAborted();
    if (await isSkipped(memory, helper)) {
      notices.push(skipped(helper, "it hung before on this machine"));
      continue;
    }
    try {
      const args = helperArguments(helper, prefix);
      const record = await tryHelper(helper, { args, trial, walls: walledRanges(host), request });
      return { started: { record, resolvConf: resolvConf(request.dns, prefix) }, notices };
    } catch (error) {
      request.signal?.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      if (error instanceof HelperHangs) await skipHelper(memory, helper);
      notices.push(skipped(helper, error.message));
    }
  }
  return { notices };
}

/** IPv4 only: the wall is made of IPv4 routes. Nothing of the host is mapped into the namespace. */
function helperArguments({ kind, path }: FoundHelper, prefix: string): readonly string[] {
  if (kind === "slirp4netns") {
    const options = ["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-seccomp"];
    const target = ["--netns-type=path", "--userns-path={user}", "{net}", "tap0"];
    return [path, ...options, `--cidr=${prefix}.0/24`, ...target];
  }
  const addresses = ["-a", `${prefix}.100`, "-n", "24", "-g", `${prefix}.2`];
  // By default pasta forwards ports both ways, also from the namespace to the host's loopback.
  const closed = ["--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none"];
  const identity = Deno.uid() === 0 ? ["--runas", "0:0"] : [];
  return [
    path,
    "-f",
    "-q",
    "-4",
    "--config-net",
    ...closed,
    ...addresses,
    "--dns-forward",
    `${prefix}.3`,
    "-I",
    "tap0",
    ...identity,
    "--no-netns-quit",
    "--userns",
    "{user}",
    "--netns",
    "{net}",
  ];
}

function resolvConf(dns: readonly string[], prefix: string): string {
  const servers = dns.length > 0 ? dns : [`${prefix}.3`];
  return servers.map((server) => `nameserver ${server}\n`).join("");
}

function skipped({ kind }: FoundHelper, reason: string): string {
  return `${kind} is skipped: ${reason}`;
}
