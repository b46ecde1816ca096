/**
 * The wall between a sandbox and the host: which addresses no sandbox may connect to.
 *
 * Pure. Addresses are compared as bytes, and an IPv4 address inside an IPv6 one counts too. What is
 * not understood is refused.
 *
 * @module
 */

import { embeddedIpv4, parseAddress, sharesPrefix } from "./ip_address.ts";

/** Ranges that are never the outside, with the words for the refusal. */
export const REFUSED_RANGES = [
  { range: "127.0.0.0", bits: 8, is: "the host's loopback" },
  { range: "0.0.0.0", bits: 8, is: "this host itself" },
  { range: "169.254.0.0", bits: 16, is: "link-local" },
  { range: "224.0.0.0", bits: 4, is: "multicast" },
  { range: "240.0.0.0", bits: 4, is: "reserved or broadcast" },
  { range: "::1", bits: 128, is: "the host's loopback" },
  { range: "::", bits: 128, is: "this host itself" },
  { range: "fe80::", bits: 10, is: "link-local" },
  { range: "fec0::", bits: 10, is: "site-local" },
  { range: "ff00::", bits: 8, is: "multicast" },
  { range: "fd00:ec2::254", bits: 128, is: "a cloud's metadata service" },
  { range: "fd20:ce::254", bits: 128, is: "a cloud's metadata service" },
  { range: "168.63.129.16", bits: 32, is: "a cloud's metadata service" },
  { range: "100.100.100.200", bits: 32, is: "a cloud's metadata service" },
] as const;

/** An address of the host, as `Deno.networkInterfaces()` gives it. */
export interface OwnAddress {
  readonly address: string;
  /** CIDR; without it broadcast addresses are not known. */
  readonly cidr?: string;
}

/** Why the address is refused, or `undefined` when it is outside. */
export function refusedAddress(text: string, own: readonly OwnAddress[]): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return "not an address";
  return [address, ...embeddedIpv4(address)]
    .map((candidate) => inRefusedRange(candidate) ?? ofTheHost(candidate, own))
    .find((reason) => reason !== undefined);
}

function inRefusedRange(address: Uint8Array): string | undefined {
  return REFUSED_RANGES.find(({ range, bits }) => {
    const bytes = parseAddress(range);
    return bytes !== undefined && sharesPrefix(address, bytes, bits);
  })?.is;
}

function ofTheHost(address: Uint8Array, own: readonly OwnAddress[]): string | undefined {
  for (const { address: text, cidr } of own) {
    const bytes = parseAddress(text);
    if (bytes === undefined) continue;
    if (sharesPrefix(address, bytes, address.length * 8)) return "an address of the host itself";
    const bits = Number(cidr?.split("/")[1] ?? Number.NaN);
    if (bytes.length === 4 && bits < 31 && isBroadcast(address, bytes, bits)) return "broadcast";
  }
  return undefined;
}

/** All host bits set, in the network of `own`. */
function isBroadcast(address: Uint8Array, own: Uint8Array, bits: number): boolean {
  if (!sharesPrefix(address, own, bits)) return false;
  return [...address].every((byte, index) => {
    const hostBits = Math.min(8, Math.max(0, (index + 1) * 8 - bits));
    return (~byte & (0xff >> (8 - hostBits))) === 0;
  });
}
