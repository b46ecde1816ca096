/**
 * Gives a waiting sandbox its way out: pasta, else slirp4netns, else the relay.
 *
 * A helper is used only after one real connection went through it and the wall stood; see
 * `try_helper.ts`. On a host that itself needs a proxy the relay is the way that works, so no helper
 * is tried.
 *
 * @module
 */

import { BRIDGE_PORT, bridgeProgram } from "./bridge_script.ts";
import type { Network, NetworkRequest } from "./contract.ts";
import { endHelper, writeRecord } from "./helper_record.ts";
import { type HostProxies, readHostProxies } from "./host_proxy.ts";
import { keepWall } from "./keep_wall.ts";
import { prepareRelaySocket, SOCKET_INSIDE } from "./relay_socket.ts";
import { serveRelay } from "./serve_relay.ts";
import { type HelperOutcome, startHelper } from "./start_helper.ts";

/** The notice of a shared network. */
const SHARED = "The run shares the host's network: it reaches every server on this machine";

/** Opens the network of the namespace that `pid` is in. @throws when aborted */
export async function openNetwork(request: NetworkRequest): Promise<Network> {
  if (request.mode === "host") {
    const resolvConf = await readResolvConf();
    return network("host", { resolvConf, notices: [SHARED] });
  }
  // A helper leads everywhere; the relay can be told where to.
  if (request.reach !== undefined) return await openRelay(request, { notices: [] });
  const proxies = readHostProxies(request.env);
  const helped: HelperOutcome = needsProxy(proxies)
    ? { notices: proxies.notices }
    : await startHelper(request);
  if (helped.started) {
    const { record, resolvConf } = helped.started;
    const wall = keepWall({ sandbox: record.sandbox, env: request.env });
    return network(record.kind, {
      resolvConf,
      notices: helped.notices,
      async dispose() {
        wall[Symbol.dispose]();
        await endHelper(record);
      },
    });
  }
  return await openRelay(request, {
    notices: [...helped.notices, relayNotice(proxies, { skipped: helped.notices.length > 0 })],
  });
}

/** What will not work with the relay, in one line. */
export function relayNotice(
  proxies: HostProxies,
  { skipped }: { readonly skipped: boolean },
): string {
  const limits = "programs that ignore http_proxy (ssh, UDP, DNS lookups) have no network";
  return needsProxy(proxies)
    ? `Outbound connections go through a proxy to the host's own proxy: ${limits}; ` +
      "names that only that proxy can resolve are not checked against the host's addresses"
    : `Outbound connections go through a proxy: ${limits}` +
      (skipped ? "" : "; installing passt gives a full one");
}

/** Whether the host itself reaches the outside through a proxy. */
export function needsProxy(proxies: HostProxies): boolean {
  return proxies.http !== undefined || proxies.https !== undefined;
}

async function openRelay(
  { stateDir, env, reach }: NetworkRequest,
  { notices }: { readonly notices: readonly string[] },
): Promise<Network> {
  const path = await prepareRelaySocket(stateDir);
  // Who takes a sandbox over serves its relay without limits: there is no record of those with some.
  if (reach === undefined) await writeRecord(stateDir, { kind: "relay" });
  const serving = await serveRelay(path, { env, ...(reach === undefined ? {} : { reach }) });
  return network("relay", {
    notices,
    // No name server: a look-up fails at once on the loopback of the namespace.
    resolvConf: "",
    env: proxyVariables(`http://127.0.0.1:${BRIDGE_PORT}`),
    insideHelper: bridgeProgram({ socket: SOCKET_INSIDE, port: BRIDGE_PORT }),
    dispose: async () => await serving[Symbol.asyncDispose](),
  });
}

/** What programs read to find a proxy; the lower and upper case forms each have their users. */
function proxyVariables(url: string): Readonly<Record<string, string>> {
  const names = [
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
  ];
  const none = "localhost,.localhost,127.0.0.1,::1";
  return {
    ...Object.fromEntries(names.map((name) => [name, url])),
    no_proxy: none,
    NO_PROXY: none,
    NODE_USE_ENV_PROXY: "1",
  };
}

async function readResolvConf(): Promise<string> {
  try {
    return await Deno.readTextFile("/etc/resolv.conf");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

interface NetworkParts {
  readonly env?: Readonly<Record<string, string>>;
  readonly resolvConf: string;
  readonly insideHelper?: string;
  readonly notices: readonly string[];
  readonly dispose?: () => Promise<void>;
}

function network(
  kind: Network["kind"],
  { env = {}, resolvConf, insideHelper, notices, dispose }: NetworkParts,
): Network {
  return {
    kind,
    env,
    resolvConf,
    notices,
    ...(insideHelper !== undefined && { insideHelper }),
    [Symbol.asyncDispose]: async () => await dispose?.(),
  };
}
