/**
 * What the wall keeps inside a namespace, and a private network for helpers that the host does not
 * use itself.
 *
 * @module
 */

import { parseAddress, sharesPrefix } from "./ip_address.ts";
import { REFUSED_RANGES } from "./refused_address.ts";

/** First three bytes of the networks that helpers may use inside. */
const INSIDE_NETWORKS = ["10.0.2", "10.0.3", "172.31.250", "192.168.250", "10.213.255"] as const;

/** An IPv4 range. */
export interface Range {
  readonly address: string;
  readonly bits: number;
}

/** IPv4 addresses that are local to the host: of its interfaces, and of routes of type local. */
export async function hostRanges(): Promise<readonly Range[]> {
  const interfaces = Deno.networkInterfaces().filter(({ family }) => family === "IPv4");
  return [
    ...interfaces.map(({ address }) => ({ address, bits: 32 })),
    ...localRoutes(await readOrEmpty("/proc/net/fib_trie")),
  ];
}

/** All that no packet may leave the namespace for, as `address/bits`, each once. */
export function walledRanges(host: readonly Range[]): readonly string[] {
  const fixed = REFUSED_RANGES.filter(({ range }) => parseAddress(range)?.length === 4)
    .map(({ range, bits }) => ({ address: range, bits }));
  return [...new Set([...fixed, ...host].map(({ address, bits }) => `${address}/${bits}`))];
}

/** Prefix such as `10.0.2` of a /24 that the host has no route into, or `undefined`. */
export async function freeInsideNetwork(): Promise<string | undefined> {
  const taken = routedRanges(await readOrEmpty("/proc/net/route"));
  const servers = nameServers(await readOrEmpty("/etc/resolv.conf"))
    .map((address) => ({ address, bits: 32 }));
  return INSIDE_NETWORKS.find((prefix) =>
    ![...taken, ...servers].some((range) => overlaps(range, { address: `${prefix}.0`, bits: 24 }))
  );
}

/** An address of the host for a trial connection: reached by way of a helper, never by loopback. */
export function trialAddress(host: readonly Range[]): string | undefined {
  return host.find(({ address, bits }) => bits === 32 && !/^(127|169\.254|0)\./.test(address))
    ?.address;
}

/** Routes of type LOCAL and BROADCAST in the text of /proc/net/fib_trie. */
export function localRoutes(trie: string): readonly Range[] {
  const found: Range[] = [];
  let address = "";
  for (const line of trie.split("\n")) {
    address = /\|-- (\S+)/.exec(line)?.[1] ?? address;
    const bits = /\/(\d+) \S+ (LOCAL|BROADCAST)/.exec(line)?.[1];
    if (bits !== undefined && address !== "") found.push({ address, bits: Number(bits) });
  }
  return found;
}

/** Destinations of the text of /proc/net/route, without default routes. */
export function routedRanges(table: string): readonly Range[] {
  return table.split("\n").slice(1).flatMap((line) => {
    const fields = line.split("\t");
    const address = littleEndian(fields[1] ?? "");
    const mask = littleEndian(fields[7] ?? "");
    if (address === undefined || mask === undefined) return [];
    const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
    return bits === 0 ? [] : [{ address: address.join("."), bits }];
  });
}

/** IPv4 name servers in the text of resolv.conf. */
function nameServers(text: string): readonly string[] {
  return [...text.matchAll(/^nameserver\s+(\d+\.\d+\.\d+\.\d+)/gm)].map((match) => match[1] ?? "");
}

function overlaps(a: Range, b: Range): boolean {
  const first = parseAddress(a.address);
  const second = parseAddress(b.address);
  if (!first || !second) return false;
  return sharesPrefix(first, second, Math.min(a.bits, b.bits));
}

function littleEndian(hex: string): readonly number[] | undefined {
  if (!/^[0-9A-F]{8}$/i.test(hex)) return undefined;
  return [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
