/**
 * Passes a sandbox's request on through the proxy that the host itself needs.
 *
 * The wall holds as well as it can: a name that the host can resolve is checked; one that it cannot
 * (usual behind such proxies) is left to the proxy, which does not stand on the host. When it does
 * stand there, it gets the checked address, and names that cannot be checked are refused.
 *
 * @module
 */

import { parseAddress } from "./ip_address.ts";
import { type RelayMachine, RelayRefusal, resolveOutside } from "./checked_connect.ts";
import { bypassesProxy, type HostProxies, type HostProxy } from "./host_proxy.ts";
import type { ProxyRequest } from "./proxy_request.ts";
import { encodeLatin1, readHead } from "./read_head.ts";
import { refusedAddress } from "./refused_address.ts";
import { writeAll } from "./write_all.ts";

type Asked = Exclude<ProxyRequest, { readonly kind: "invalid" }>;

/** Time for the proxy to answer a CONNECT. */
const ANSWER_TIMEOUT_MS = 30_000;

/** The proxy for a request, or `undefined` when it goes directly. */
export function proxyFor(request: Asked, proxies: HostProxies): HostProxy | undefined {
  if (bypassesProxy(request.host, proxies.bypass)) return undefined;
  return request.kind === "tunnel" ? proxies.https : proxies.http;
}

/** A connection to the target, and what of it came with the answer of a proxy on the way. */
export interface Connected {
  readonly connection: Deno.Conn;
  readonly early: Uint8Array;
}

/** A connection through the proxy on which the target's bytes flow next. @throws RelayRefusal */
export async function chainThrough(
  proxy: HostProxy,
  { request, machine }: { readonly request: Asked; readonly machine: RelayMachine },
): Promise<Connected> {
  const proxyAddresses = parseAddress(proxy.host)
    ? [proxy.host]
    : await resolveProxy(proxy, machine);
  const [proxyAddress] = proxyAddresses;
  if (proxyAddress === undefined) throw unreachable(proxy);
  const onHost = refusedAddress(proxyAddress, machine.ownAddresses()) !== undefined;
  const target = await checkTarget(request, { machine, onHost });
  const authorization = proxy.authorization
    ? `Proxy-Authorization: ${proxy.authorization}\r\n`
    : "";
  const connection = await connectProxy(proxy, { address: proxyAddress, machine });
  try {
    if (request.kind === "forward") {
      const [line = "", ...rest] = request.absoluteHead.split("\r\n");
      const head = onHost ? line.replace(/(http:\/\/)[^/]*/, `$1${target}`) : line;
      await writeAll(connection, encodeLatin1(`${head}\r\n${authorization}${rest.join("\r\n")}`));
      return { connection, early: new Uint8Array(0) };
    }
    await writeAll(
      connection,
      encodeLatin1(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`),
    );
    const answer = await readHead(connection, ANSWER_TIMEOUT_MS);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer?.text ?? "")?.[1];
    if (answer === undefined || !status?.startsWith("2")) {
      throw new RelayRefusal(502, `the host's proxy answered ${status ?? "nothing"}`);
    }
    return { connection, early: answer.rest };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** `host:port` for the proxy. @throws RelayRefusal */
async function checkTarget(
  { host, port }: Asked,
  { machine, onHost }: { readonly machine: RelayMachine; readonly onHost: boolean },
): Promise<string> {
  const bracket = (name: string) => name.includes(":") ? `[${name}]` : name;
  try {
    const [address = host] = await resolveOutside(host, machine);
    return `${bracket(onHost ? address : host)}:${port}`;
  } catch (error) {
    const unresolved = error instanceof RelayRefusal && error.status === 502;
    if (!unresolved || onHost) throw error;
    return `${bracket(host)}:${port}`;
  }
}

async function resolveProxy(proxy: HostProxy, machine: RelayMachine): Promise<readonly string[]> {
  try {
    return await machine.resolve(proxy.host);
  } catch (cause) {
    throw unreachable(proxy, cause);
  }
}

async function connectProxy(
  proxy: HostProxy,
  { address, machine }: { readonly address: string; readonly machine: RelayMachine },
): Promise<Deno.Conn> {
  try {
    if (!proxy.tls) return await machine.connect(address, proxy.port);
    return await Deno.connectTls({ hostname: proxy.host, port: proxy.port });
  } catch (cause) {
    throw unreachable(proxy, cause);
  }
}

function unreachable(proxy: HostProxy, cause?: unknown): RelayRefusal {
  return new RelayRefusal(502, `the host's proxy "${proxy.host}" is not reachable`, { cause });
}
