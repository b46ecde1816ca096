/**
 * Installed plugins: `store/plugins/<digest>/`, each directory complete or absent, never changed.
 *
 * Files are written beside their place and renamed into it, so that killing moat at any moment
 * leaves the old state or the new one. What is read back is checked against its digest every time.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { MoatError } from "../../errors.ts";
import { isThere, removeIfThere } from "../../store/files.ts";
import type { Paths } from "../../store/paths.ts";
import { digestOf, type PluginFiles } from "./plugin_package.ts";
import { readPluginDirectory } from "./read_directory.ts";

/** How scripts, and programs of Linux and macOS, begin. */
const MAGIC = [[0x23, 0x21], [0x7f, 0x45, 0x4c, 0x46], [0xcf, 0xfa, 0xed, 0xfe]];

/** Directory of the plugin with that digest, there or not. */
export function pluginDirectory({ store }: Pick<Paths, "store">, digest: string): string {
  return join(store, "plugins", digest.replace(/^sha256:/, ""));
}

/** Puts the files into the store; returns their digest. Idempotent, safe from many processes. */
export async function storePlugin(
  paths: Pick<Paths, "store">,
  files: PluginFiles,
): Promise<string> {
  const digest = digestOf(files);
  const place = pluginDirectory(paths, digest);
  const parent = dirname(place);
  await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  const beside = await Deno.makeTempDir({ dir: parent, prefix: "new-" });
  try {
    await writePluginFiles(beside, files);
    if (await isIntact(place, digest)) return digest;
    await removeIfThere(place);
    await Deno.rename(beside, place);
  } catch (error) {
    // Another process has put the same files there.
    if (!await isIntact(place, digest)) throw error;
  } finally {
    await removeIfThere(beside);
  }
  return digest;
}

/** Writes the files into an empty directory. */
export async function writePluginFiles(directory: string, files: PluginFiles): Promise<void> {
  for (const [path, content] of files) {
    const file = join(directory, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    const mode = isProgram(content) ? 0o700 : 0o600;
    await Deno.writeFile(file, content, { mode, createNew: true });
  }
}

/**
 * The files of an installed plugin, or `undefined` when it is not installed.
 * @throws MoatError when they are not those of the digest
 */
export async function readStoredPlugin(
  paths: Pick<Paths, "store">,
  { id, digest }: { readonly id: string; readonly digest: string },
): Promise<PluginFiles | undefined> {
  const place = pluginDirectory(paths, digest);
  if (!await isThere(place)) return undefined;
  const files = await readPluginDirectory(place, id, { everything: true });
  if (digestOf(files) === digest) return files;
  throw new MoatError(
    `Cannot use plugin "${id}": its installed files were changed, they do not have the digest ${digest}`,
    { hint: "moat plugin install" },
  );
}

async function isIntact(place: string, digest: string): Promise<boolean> {
  if (!await isThere(place)) return false;
  try {
    return digestOf(await readPluginDirectory(place, place, { everything: true })) === digest;
  } catch (error) {
    if (error instanceof MoatError) return false;
    throw error;
  }
}

/** Archives of plugins keep no permissions: what the system can start says so in its first bytes. */
function isProgram(content: Uint8Array): boolean {
  return MAGIC.some((magic) => magic.every((byte, index) => content[index] === byte));
}
