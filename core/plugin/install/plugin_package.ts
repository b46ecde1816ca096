/**
 * A plugin's files, held in memory between where they come from and the store, and their digest.
 *
 * Pure. Whatever the source was, the same files have the same digest.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MoatError } from "../../errors.ts";

/** The file that makes a directory a plugin. */
export const MANIFEST_FILE = "moat-plugin.yaml";

/** Files by path relative to the plugin's directory, `/` between its parts. */
export type PluginFiles = ReadonlyMap<string, Uint8Array>;

/** More is no plugin; a manifest and a few modules are below 100 KB. */
const MAX_FILES = 200;
const MAX_BYTES = 8 * 1024 * 1024;
const PART = /^[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*$/;

/** Collects files and refuses what no plugin holds. */
export class PluginFilesBuilder {
  readonly #files = new Map<string, Uint8Array>();
  readonly #source: string;
  #bytes = 0;

  /** @param source names where the files come from, for messages */
  constructor(source: string) {
    this.#source = source;
  }

  /** Adds a file. @throws MoatError for a bad or repeated path, too many files, too many bytes */
  add(path: string, content: Uint8Array): void {
    checkPath(path, this.#source);
    const folded = path.toLowerCase();
    if ([...this.#files.keys()].some((known) => known.toLowerCase() === folded)) {
      throw refused(this.#source, `it holds ${JSON.stringify(path)} twice`);
    }
    this.#bytes += content.length;
    if (this.#bytes > MAX_BYTES) {
      throw refused(this.#source, `it holds more than ${MAX_BYTES} bytes`);
    }
    if (this.#files.size >= MAX_FILES) {
      throw refused(this.#source, `it holds more than ${MAX_FILES} files`);
    }
    this.#files.set(path, content);
  }

  /** The files. @throws MoatError when there is no manifest among them */
  build(): PluginFiles {
    if (!this.#files.has(MANIFEST_FILE)) {
      throw refused(this.#source, `it has no ${MANIFEST_FILE}`);
    }
    return this.#files;
  }
}

/** The error for a source that is no plugin. */
export function refused(source: string, state: string): MoatError {
  return new MoatError(`Cannot use plugin ${JSON.stringify(source)}: ${state}`);
}

/** `sha256:` and 64 hex digits over paths and contents, in the order of the paths. */
export function digestOf(files: PluginFiles): string {
  const hash = createHash("sha256");
  for (const path of [...files.keys()].toSorted()) {
    const content = files.get(path) ?? new Uint8Array();
    hash.update(`${path}\0${content.length}\0`);
    hash.update(content);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** Largest size that {@linkcode PluginFilesBuilder} takes, for readers that stop early. */
export const MAX_PLUGIN_BYTES = MAX_BYTES;

function checkPath(path: string, source: string): void {
  const parts = path.split("/");
  if (parts.length <= 8 && parts.every((part) => PART.test(part))) return;
  throw refused(source, `it holds the path ${JSON.stringify(path)}`);
}
