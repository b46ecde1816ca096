/**
 * The header names that the engine itself acts on, found by a hash made while a name is scanned.
 *
 * Names are compared without case and with `_` as `-`, so that a variant that some server would
 * take for the real one is seen too.
 *
 * @module
 */

import { FOLDED } from "./characters.ts";

export const OTHER = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const UPGRADE = 5;
export const EXPECT = 6;
export const TE = 7;
export const VIA = 8;
export const KEEP_ALIVE = 9;
export const HOP_BY_HOP = 10;
export const FORWARDED = 11;

const IDS: Readonly<Record<string, number>> = {
  "host": HOST,
  "content-length": CONTENT_LENGTH,
  "transfer-encoding": TRANSFER_ENCODING,
  "connection": CONNECTION,
  "upgrade": UPGRADE,
  "expect": EXPECT,
  "te": TE,
  "via": VIA,
  "keep-alive": KEEP_ALIVE,
  "proxy-connection": HOP_BY_HOP,
  "proxy-authorization": HOP_BY_HOP,
  "http2-settings": HOP_BY_HOP,
  "forwarded": FORWARDED,
  "x-real-ip": FORWARDED,
  "x-forwarded-for": FORWARDED,
  "x-forwarded-host": FORWARDED,
  "x-forwarded-proto": FORWARDED,
  "x-forwarded-port": FORWARDED,
  "x-forwarded-server": FORWARDED,
  "x-forwarded-scheme": FORWARDED,
  "x-forwarded-ssl": FORWARDED,
  "x-forwarded-prefix": FORWARDED,
  "x-forwarded-by": FORWARDED,
};

/** Where a name's hash starts. */
export const HASH_SEED = 0x811c9dc5 | 0;

/** The hash with one more byte of the name. */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ (FOLDED[byte] ?? 0), 0x01000193);
}

const BY_HASH: ReadonlyMap<number, { readonly name: string; readonly id: number }> = new Map(
  Object.entries(IDS).map(([name, id]) => [hashOf(name), { name, id }]),
);

/** The name's id, `OTHER` for names that the engine does not act on. */
export function identify(hash: number, bytes: Uint8Array, start: number, end: number): number {
  const known = BY_HASH.get(hash);
  if (known === undefined || !isFolded(known.name, bytes, start, end)) return OTHER;
  return known.id;
}

/** Says whether the bytes are this lower-case name, without case and with `_` as `-`. */
export function isFolded(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at++) {
    if (FOLDED[bytes[start + at] ?? 0] !== name.charCodeAt(at)) return false;
  }
  return true;
}

function hashOf(name: string): number {
  let hash = HASH_SEED;
  for (let at = 0; at < name.length; at++) hash = hashByte(hash, name.charCodeAt(at));
  return hash;
}
