/**
 * IP addresses as bytes, so that every spelling of one address compares equal.
 *
 * Only full forms are read: `127.1`, `0x7f000001` and the like are not addresses here, they go to
 * the resolver and come back as one.
 *
 * @module
 */

/** Bytes of an IPv4 (4) or IPv6 (16) address, or `undefined`. A zone (`%eth0`) is ignored. */
export function parseAddress(text: string): Uint8Array | undefined {
  const bare = text.replace(/%.*$/, "");
  return bare.includes(":") ? parseIpv6(bare) : parseIpv4(bare);
}

/** Whether the first `bits` bits are equal. Both must have the same length. */
export function sharesPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = 0xff << Math.max(0, 8 - (bits - bit)) & 0xff;
    if (((a[bit / 8] ?? 0) & mask) !== ((b[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}

/**
 * IPv4 addresses that stand inside an IPv6 address and that a translator on the way would use:
 * mapped, compatible, SIIT, NAT64, 6to4, ISATAP.
 */
export function embeddedIpv4(address: Uint8Array): readonly Uint8Array[] {
  if (address.length !== 16) return [];
  const tail = address.slice(12);
  return TRANSLATED.flatMap(({ prefix, bits, at }) => {
    const bytes = parseIpv6(prefix);
    return bytes && sharesPrefix(address, bytes, bits) ? [address.slice(at, at + 4)] : [];
  }).concat(isIsatap(address) ? [tail] : []);
}

const TRANSLATED = [
  { prefix: "::ffff:0:0", bits: 96, at: 12 },
  { prefix: "::", bits: 96, at: 12 },
  { prefix: "::ffff:0:0:0", bits: 96, at: 12 },
  { prefix: "64:ff9b::", bits: 96, at: 12 },
  { prefix: "64:ff9b:1::", bits: 48, at: 12 },
  { prefix: "2002::", bits: 16, at: 2 },
] as const;

function isIsatap(address: Uint8Array): boolean {
  return ((address[8] ?? 0) & 0xfd) === 0 && address[9] === 0 && address[10] === 0x5e &&
    address[11] === 0xfe;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) {
    return undefined;
  }
  const numbers = parts.map(Number);
  return numbers.every((number) => number < 256) ? Uint8Array.from(numbers) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of `a:b:c` or `a:b:1.2.3.4`; empty text has none. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const ipv4 = index === groups.length - 1 && group.includes(".") ? parseIpv4(group) : undefined;
    if (ipv4) bytes.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}
