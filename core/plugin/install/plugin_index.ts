/**
 * An index of plugins: a JSON file and its signature, over HTTPS or in a directory.
 *
 * `index.json` lists releases by size and SHA-256; `index.json.sig` is the Ed25519 signature (RFC 8032)
 * of its bytes in base64, by the key that the index names. The key is pinned when an index is first
 * used; another one is refused, whatever it signed.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { printable } from "../../cli/table.ts";
import { describeError, MoatError, UnavailableError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { ManifestPermissions } from "../permissions.ts";
import { PERMISSIONS_SCHEMA } from "../permissions_schema.ts";

/** Where an index is, as `registries:` of the home's configuration names it. */
export interface PluginRegistry {
  /** `https://…/index.json`, plain http on loopback only, or an absolute path. */
  readonly location: string;
  /** The key that its user wrote down; absent: pinned at first use. */
  readonly key?: string;
}

/** One release of a plugin. */
export interface PluginRelease {
  readonly version: string;
  /** The `.tgz`, relative to the index. */
  readonly archive: string;
  readonly size: number;
  /** Of the archive, 64 hex digits. */
  readonly sha256: string;
  /** Day, such as `2026-01-31`. */
  readonly released: string;
  /** What its code may have; it is not used when its manifest says otherwise. */
  readonly permissions?: ManifestPermissions;
  /** Why it was withdrawn. */
  readonly yanked?: string;
}

/** A checked index. */
export interface PluginIndex {
  readonly location: string;
  readonly plugins: Readonly<
    Record<string, { readonly summary: string; readonly releases: readonly PluginRelease[] }>
  >;
}

/** Larger is no index. */
const MAX_INDEX_BYTES = 4 * 1024 * 1024;
const DEADLINE_MS = 30_000;

const text = v.pipe(v.string(), v.minLength(1));
const INDEX_SCHEMA = v.object({
  schema: v.literal(1),
  key: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{43}=$/)),
  plugins: v.record(
    v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/)),
    v.object({
      summary: text,
      releases: v.array(v.object({
        version: v.pipe(v.string(), v.regex(/^[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.-]+)?$/)),
        archive: v.pipe(v.string(), v.regex(/^(?!.*\.\.)[\w@.+-]+(?:\/[\w@.+-]+)*\.tgz$/)),
        size: v.pipe(v.number(), v.integer(), v.minValue(1)),
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
        released: v.pipe(v.string(), v.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/)),
        permissions: v.exactOptional(PERMISSIONS_SCHEMA),
        yanked: v.exactOptional(text),
      })),
    }),
  ),
});

/** Options of {@linkcode readPluginIndex}. */
export interface ReadIndexOptions {
  /** Keeps the pinned keys. */
  readonly store: Pick<Store, "fact" | "setFact">;
  readonly signal: AbortSignal;
}

/** Reads and checks an index. @throws MoatError for what cannot be had or trusted */
export async function readPluginIndex(
  { location, key: written }: PluginRegistry,
  { store, signal }: ReadIndexOptions,
): Promise<PluginIndex> {
  const [bytes, signature] = await Promise.all([
    readPlace(location, { limit: MAX_INDEX_BYTES, signal }),
    readPlace(`${location}.sig`, { limit: 1024, signal }),
  ]);
  const index = parse(bytes, location);
  const fact = `plugin index key ${location}`;
  const pinned = written ?? store.fact(fact);
  if (pinned !== undefined && pinned !== index.key) {
    throw new MoatError(
      `Cannot use plugin index "${location}": it is signed with another key than before (${index.key}, not ${pinned})`,
      {
        hint: "If its owner announced that, write the key behind key: in registries of config.yaml",
      },
    );
  }
  if (!await isSigned(bytes, { key: index.key, signature: new TextDecoder().decode(signature) })) {
    throw new MoatError(
      `Cannot use plugin index "${location}": its signature is not that of its key`,
    );
  }
  if (pinned === undefined) store.setFact(fact, index.key);
  return { location, plugins: index.plugins };
}

/** The release asked for, or the newest. @throws MoatError naming what there is */
export function findRelease(
  { location, plugins }: PluginIndex,
  { name, version }: { readonly name: string; readonly version?: string },
): PluginRelease | undefined {
  const releases = Object.hasOwn(plugins, name) ? plugins[name]?.releases ?? [] : [];
  if (releases.length === 0) return undefined;
  const wanted = version === undefined
    ? releases.find(({ yanked }) => yanked === undefined)
    : releases.find((release) => release.version === version);
  if (wanted === undefined) {
    const known = releases.filter(({ yanked }) => yanked === undefined).map(({ version }) =>
      version
    );
    throw new MoatError(
      `Cannot use plugin "${name}${
        version === undefined ? "" : `@${version}`
      }": "${location}" has no such release`,
      { hint: known.length === 0 ? allWithdrawn(releases) : `It has ${known.join(", ")}` },
    );
  }
  if (wanted.yanked === undefined) return wanted;
  throw new MoatError(
    `Cannot use plugin "${name}@${wanted.version}": it was withdrawn: ${printable(wanted.yanked)}`,
    {
      hint: `moat plugin remove ${name}, or choose another release`,
    },
  );
}

/** Why releases of a plugin were withdrawn, by version. */
export function withdrawnReleases(
  { plugins }: PluginIndex,
  name: string,
): Readonly<Record<string, string>> {
  const releases = Object.hasOwn(plugins, name) ? plugins[name]?.releases ?? [] : [];
  return Object.fromEntries(
    releases.flatMap(({ version, yanked }) => yanked === undefined ? [] : [[version, yanked]]),
  );
}

function allWithdrawn(releases: readonly PluginRelease[]): string {
  const reasons = releases.map(({ version, yanked = "" }) => `${version}: ${printable(yanked)}`);
  return `All releases were withdrawn: ${reasons.join("; ")}`;
}

/** The archive of a release, its size and sum checked. @throws MoatError when they differ */
export async function readRelease(
  { archive, size, sha256 }: PluginRelease,
  { location, signal }: { readonly location: string; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const place = besideIndex(location, archive);
  const bytes = await readPlace(place, { limit: size, signal });
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice())).toHex();
  if (bytes.length === size && sum === sha256) return bytes;
  throw new MoatError(
    `Cannot use plugin archive "${place}": it is not the one that the index lists`,
  );
}

function besideIndex(location: string, archive: string): string {
  return isAbsolute(location) ? join(location, "..", archive) : new URL(archive, location).href;
}

/** Reads a file or an address. @throws MoatError also when it holds more than the limit */
async function readPlace(
  place: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  try {
    if (isAbsolute(place)) {
      const { size } = await Deno.stat(place);
      if (size > limit) throw tooLarge(place, limit);
      return await Deno.readFile(place);
    }
    requireSafe(place);
    const response = await fetch(place, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      redirect: "error",
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new UnavailableError(`Cannot read "${place}": its server answers ${response.status}`);
    }
    return await readUpTo(response, { place, limit });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MoatError) throw error;
    throw new UnavailableError(`Cannot read "${place}": ${describeError(error)}`, { cause: error });
  }
}

function requireSafe(place: string): void {
  const url = URL.parse(place);
  const isLoopback = url?.hostname === "localhost" || url?.hostname === "127.0.0.1" ||
    url?.hostname === "[::1]";
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback)) return;
  throw new MoatError(
    `Cannot use plugin index "${place}": it is neither an https address nor an absolute path`,
    {
      hint: "Write registries: [https://example.org/index.json] into config.yaml",
    },
  );
}

async function readUpTo(
  response: Response,
  { place, limit }: { readonly place: string; readonly limit: number },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > limit) throw tooLarge(place, limit);
    pieces.push(piece);
  }
  return new Uint8Array(await new Blob(pieces.map((piece) => piece.slice())).arrayBuffer());
}

function tooLarge(place: string, limit: number): MoatError {
  return new MoatError(`Cannot read "${place}": it holds more than ${limit} bytes`);
}

function parse(bytes: Uint8Array, location: string): v.InferOutput<typeof INDEX_SCHEMA> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new MoatError(`Cannot use plugin index "${location}": it is not JSON`, { cause });
  }
  const result = v.safeParse(INDEX_SCHEMA, value);
  if (result.success) return result.output;
  const at = v.getDotPath(result.issues[0]) ?? "its top";
  throw new MoatError(`Cannot use plugin index "${location}": ${at} is not as it must be`);
}

async function isSigned(
  bytes: Uint8Array,
  { key, signature }: { readonly key: string; readonly signature: string },
): Promise<boolean> {
  const raw = decodeBase64(key);
  const signed = decodeBase64(signature.trim());
  if (raw?.length !== 32 || signed?.length !== 64) return false;
  const imported = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", imported, signed, bytes.slice());
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
