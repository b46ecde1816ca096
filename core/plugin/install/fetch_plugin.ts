/**
 * From a source to a checked plugin in memory: fetched, its manifest read, nothing kept yet.
 *
 * @module
 */

import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { describeError, MoatError, UsageError } from "../../errors.ts";
import type { PluginManifest } from "../manifest_kinds.ts";
import { type ManifestPermissions, samePermissions } from "../permissions.ts";
import { parseManifest } from "../read_manifest.ts";
import { digestOf, MANIFEST_FILE, type PluginFiles, refused } from "./plugin_package.ts";
import {
  findRelease,
  type PluginRegistry,
  type ReadIndexOptions,
  readPluginIndex,
  readRelease,
  withdrawnReleases,
} from "./plugin_index.ts";
import { npmPack } from "./npm_pack.ts";
import { readPluginArchive } from "./read_archive.ts";
import { readPluginDirectory } from "./read_directory.ts";
import { formatPluginSource, type ThirdPartySource } from "./plugin_source.ts";

/** A plugin that may be installed. */
export interface FetchedPlugin {
  readonly manifest: PluginManifest & { readonly version: string };
  readonly files: PluginFiles;
  readonly digest: string;
  /** The index that lists it; there when it came from one. */
  readonly index?: string;
  /** Why releases of it were withdrawn, by version; there when it came from an index. */
  readonly withdrawn?: Readonly<Record<string, string>>;
  /** Exact: an npm package with its version. */
  readonly source: ThirdPartySource;
}

/** What fetching depends on. */
export interface FetchOptions {
  /** Relative paths are relative to it. */
  readonly project: string;
  /** Version of this moat. */
  readonly version: string;
  readonly signal: AbortSignal;
  /** Where names are looked for, in order. */
  readonly registries: readonly PluginRegistry[];
  /** Keeps the keys of indexes. */
  readonly store: ReadIndexOptions["store"];
}

/** Largest archive that is read. */
const MAX_ARCHIVE_BYTES = 16 * 1024 * 1024;

/** Fetches and checks it. @throws MoatError naming the source */
export async function fetchPlugin(
  source: ThirdPartySource,
  options: FetchOptions,
): Promise<FetchedPlugin> {
  const text = formatPluginSource(source);
  const { files, exact, index, permissions, withdrawn } = await readFiles(source, options);
  const content = files.get(MANIFEST_FILE);
  if (content === undefined) throw refused(text, `it has no ${MANIFEST_FILE}`);
  const manifest = await parseManifest(`${text}/${MANIFEST_FILE}`, decode(content, text));
  const checked = checkManifest(manifest, { text, moat: options.version });
  if (exact.kind === "index" && (checked.id !== exact.name || checked.version !== exact.version)) {
    throw refused(text, `its manifest says ${checked.id}@${checked.version}`);
  }
  if (index !== undefined && !samePermissions(checked.permissions, permissions)) {
    throw refused(text, "its manifest asks for other permissions than its index lists");
  }
  const { entry } = checked;
  if (entry !== undefined && !files.has(entry)) {
    throw refused(text, `it has no file ${JSON.stringify(entry)}, its entry`);
  }
  return {
    manifest: checked,
    files,
    digest: digestOf(files),
    ...(index === undefined ? {} : { index }),
    ...(withdrawn === undefined ? {} : { withdrawn }),
    source: exact,
  };
}

/** The files of a source, and the source with everything that was left open. */
interface Read {
  readonly files: PluginFiles;
  readonly exact: ThirdPartySource;
  readonly index?: string;
  /** As the index lists them. */
  readonly permissions?: ManifestPermissions | undefined;
  readonly withdrawn?: FetchedPlugin["withdrawn"];
}

async function readFiles(
  source: ThirdPartySource,
  options: FetchOptions,
): Promise<Read> {
  const { project, signal } = options;
  switch (source.kind) {
    case "index":
      return await readFromIndex(source, options);
    case "directory":
      return {
        files: await readPluginDirectory(placeOf(source.path, project), source.path),
        exact: source,
      };
    case "archive": {
      const bytes = await readArchiveFile(placeOf(source.path, project), source.path);
      return { files: await readPluginArchive(bytes, source.path), exact: source };
    }
    case "npm": {
      const { version, archive } = await npmPack(source, { cwd: project, signal });
      const exact = { ...source, version };
      return { files: await readPluginArchive(archive, formatPluginSource(exact)), exact };
    }
  }
}

async function readFromIndex(
  source: Extract<ThirdPartySource, { readonly kind: "index" }>,
  { registries, store, signal }: FetchOptions,
): Promise<Read> {
  for (const registry of registries) {
    const index = await readPluginIndex(registry, { store, signal });
    const release = findRelease(index, source);
    if (release === undefined) continue;
    const archive = await readRelease(release, { location: index.location, signal });
    const exact = { ...source, version: release.version };
    const files = await readPluginArchive(archive, formatPluginSource(exact));
    const { permissions } = release;
    const withdrawn = withdrawnReleases(index, source.name);
    return { files, exact, index: index.location, permissions, withdrawn };
  }
  throw new UsageError(
    `Cannot find plugin "${source.name}": it is not part of moat and in no index`,
    {
      hint: registries.length === 0
        ? "Indexes stand under registries: in config.yaml of MOAT_HOME"
        : "moat plugin search",
    },
  );
}

function placeOf(path: string, project: string): string {
  if (path.startsWith("~/")) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(project, path);
}

async function readArchiveFile(path: string, source: string): Promise<Uint8Array> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw refused(source, "it is not a file");
    if (size > MAX_ARCHIVE_BYTES) {
      throw refused(source, `it is larger than ${MAX_ARCHIVE_BYTES} bytes`);
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof MoatError) throw error;
    throw new MoatError(`Cannot read plugin ${JSON.stringify(source)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function decode(content: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw refused(source, `its ${MANIFEST_FILE} is not UTF-8`);
  }
}

function checkManifest(
  manifest: PluginManifest,
  { text, moat }: { readonly text: string; readonly moat: string },
): PluginManifest & { readonly version: string } {
  const { version } = manifest;
  if (version === undefined) {
    throw new MoatError(`Cannot use plugin ${JSON.stringify(text)}: its manifest has no version`, {
      hint: `Write version: "1.0.0" into its ${MANIFEST_FILE}`,
    });
  }
  if (manifest.moat !== undefined && isOlder(moat, manifest.moat)) {
    throw new MoatError(
      `Cannot use plugin ${JSON.stringify(text)}: it needs moat ${manifest.moat}, this is ${moat}`,
      { hint: "Update moat, or add an older version of the plugin" },
    );
  }
  return { ...manifest, version };
}

/** Compares versions of three numbers; what follows the numbers is left out. */
export function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => text.split(/[-+]/, 1)[0]?.split(".").map(Number) ?? [];
  const [left, right] = [numbers(version), numbers(than)];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
