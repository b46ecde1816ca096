/**
 * Picks a run's /28 out of the pool. Pure: routes and taken subnets are given.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** An IPv4 range as first address and prefix length. */
export interface Subnet {
  /** First address as an unsigned number. */
  readonly base: number;
  readonly prefix: number;
}

const RUN_PREFIX = 28;
const RUN_SIZE = 2 ** (32 - RUN_PREFIX);

/** Options of {@linkcode pickSubnet}. */
export interface PickSubnetOptions {
  /** Where in the pool to begin, from 0 to 1, so that homes on one engine seldom meet. */
  readonly startAt?: number;
}

/** The first free /28 of the pool (CIDR), or `undefined`. @throws UsageError for a bad pool */
export function pickSubnet(
  pool: string,
  taken: readonly string[],
  { startAt = 0 }: PickSubnetOptions = {},
): string | undefined {
  const range = parseSubnet(pool);
  if (range === undefined || range.prefix > RUN_PREFIX) {
    throw new UsageError(
      `Cannot use network pool "${pool}": it is not an IPv4 range of /28 or more`,
      {
        hint: "Write network.pool in config.yaml such as 10.213.0.0/16",
      },
    );
  }
  const busy = taken.map(parseSubnet).filter((subnet) => subnet !== undefined)
    .map(({ base, prefix }) => ({ base, end: base + sizeOf(prefix) }))
    .toSorted((a, b) => a.base - b.base);
  const count = sizeOf(range.prefix) / RUN_SIZE;
  const first = Math.floor(startAt * count) % count;
  for (let step = 0; step < count; step++) {
    const base = range.base + ((first + step) % count) * RUN_SIZE;
    const hit = busy.some((other) => other.base < base + RUN_SIZE && base < other.end);
    if (!hit) return `${formatAddress(base)}/${RUN_PREFIX}`;
  }
  return undefined;
}

/** Parses `a.b.c.d/n` to its range; `undefined` when it is none. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const [a, b, c, d, prefix] = (match?.slice(1) ?? []).map(Number);
  if (
    a === undefined || b === undefined || c === undefined || d === undefined ||
    prefix === undefined || prefix > 32 || [a, b, c, d].some((part) => part > 255)
  ) return undefined;
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { base: address - address % sizeOf(prefix), prefix };
}

/** The address at this place of a subnet. @throws TypeError when it is no subnet */
export function addressIn(subnet: string, place: number): string {
  const range = parseSubnet(subnet);
  if (range === undefined) throw new TypeError(`Not a subnet: ${subnet}`);
  return formatAddress(range.base + place);
}

/** The subnets in the text of /proc/net/route, without the default route. */
export function parseRoutes(text: string): readonly string[] {
  return text.split("\n").slice(1).flatMap((line) => {
    const fields = line.split(/\s+/);
    const destination = fields[1];
    const mask = fields[7];
    if (destination === undefined || mask === undefined) return [];
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll("0", "").length;
    if (Number.isNaN(bits) || bits === 0) return [];
    return [`${formatAddress(littleEndian(destination))}/${bits}`];
  });
}

function littleEndian(hex: string): number {
  const bytes = hex.match(/../g) ?? [];
  return Number.parseInt(bytes.toReversed().join(""), 16);
}

function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
