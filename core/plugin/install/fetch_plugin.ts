/**
 * From a source to a checked plugin in memory: fetched, its manifest read, nothing kept yet.
 *
 * @module
 */

import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { describeError, MoatError } from "../../errors.ts";
import type { Manifest } from "../manifest.ts";
import { parseManifest } from "../read_manifest.ts";
import { digestOf, MANIFEST_FILE, type PluginFiles, refused } from "./plugin_package.ts";
import { npmPack } from "./npm_pack.ts";
import { readPluginArchive } from "./read_archive.ts";
import { readPluginDirectory } from "./read_directory.ts";
import { formatPluginSource, type PluginSource } from "./plugin_source.ts";

/** A plugin that may be installed. */
export interface FetchedPlugin {
  readonly manifest: Manifest & { readonly version: string };
  readonly files: PluginFiles;
  readonly digest: string;
  /** Exact: an npm package with its version. */
  readonly source: Exclude<PluginSource, { readonly kind: "builtin" }>;
}

/** What fetching depends on. */
export interface FetchOptions {
  /** Relative paths are relative to it. */
  readonly project: string;
  /** Version of this moat. */
  readonly version: string;
  readonly signal: AbortSignal;
}

/** Largest archive that is read. */
const MAX_ARCHIVE_BYTES = 16 * 1024 * 1024;

/** Fetches and checks it. @throws MoatError naming the source */
export async function fetchPlugin(
  source: Exclude<PluginSource, { readonly kind: "builtin" }>,
  options: FetchOptions,
): Promise<FetchedPlugin> {
  const text = formatPluginSource(source);
  const { files, exact } = await readFiles(source, options);
  const content = files.get(MANIFEST_FILE);
  if (content === undefined) throw refused(text, `it has no ${MANIFEST_FILE}`);
  const manifest = await parseManifest(`${text}/${MANIFEST_FILE}`, decode(content, text));
  return {
    manifest: checkManifest(manifest, { text, moat: options.version }),
    files,
    digest: digestOf(files),
    source: exact,
  };
}

async function readFiles(
  source: Exclude<PluginSource, { readonly kind: "builtin" }>,
  { project, signal }: FetchOptions,
): Promise<{
  readonly files: PluginFiles;
  readonly exact: Exclude<PluginSource, { readonly kind: "builtin" }>;
}> {
  switch (source.kind) {
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
  manifest: Manifest,
  { text, moat }: { readonly text: string; readonly moat: string },
): Manifest & { readonly version: string } {
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
