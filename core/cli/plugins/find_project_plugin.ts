/**
 * A third-party plugin of the project that one is in, by its name.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { readLock } from "../../plugin/install/plugin_lock.ts";
import { MANIFEST_FILE } from "../../plugin/install/plugin_package.ts";
import { readStoredPlugin } from "../../plugin/install/plugin_store.ts";
import type { PluginManifest } from "../../plugin/manifest_kinds.ts";
import { parseManifest } from "../../plugin/read_manifest.ts";

/** Reads its manifest; `undefined`: moat.lock has none. @throws MoatError when not installed */
export async function findProjectPlugin(
  name: string,
  { cwd, paths }: Pick<Context, "cwd" | "paths">,
): Promise<PluginManifest | undefined> {
  const locked = (await readLock(cwd)).find(({ id }) => id === name);
  if (locked?.digest === undefined) return undefined;
  const files = await readStoredPlugin(paths, { id: name, digest: locked.digest });
  if (files === undefined) {
    throw new MoatError(`Cannot use plugin "${name}": it is not installed on this machine`, {
      hint: "moat plugin install",
    });
  }
  const text = new TextDecoder().decode(files.get(MANIFEST_FILE));
  return await parseManifest(`${name}/${MANIFEST_FILE}`, text);
}
