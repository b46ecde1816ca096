/**
 * An installed plugin as a value that can be registered.
 *
 * @module
 */

import { MoatError } from "../../errors.ts";
import type { Paths } from "../../store/paths.ts";
import type { DependencyPlugin } from "../contract.ts";
import { createDependency } from "../manifest.ts";
import { parseManifest } from "../read_manifest.ts";
import { MANIFEST_FILE } from "./plugin_package.ts";
import { readStoredPlugin } from "./plugin_store.ts";

/** Loads it from the store. @throws MoatError when it is not there, or not what was locked */
export async function loadLockedPlugin(
  { id, digest }: { readonly id: string; readonly digest: string },
  paths: Pick<Paths, "store">,
): Promise<DependencyPlugin> {
  const files = await readStoredPlugin(paths, { id, digest });
  if (files === undefined) {
    throw new MoatError(`Cannot use plugin "${id}": it is not installed on this machine`, {
      hint: "moat plugin install",
    });
  }
  const text = new TextDecoder().decode(files.get(MANIFEST_FILE));
  const manifest = await parseManifest(`${id}/${MANIFEST_FILE}`, text);
  if (manifest.id === id) return createDependency(manifest);
  throw new MoatError(
    `Cannot use plugin "${id}": moat.lock has that name for a plugin that calls itself "${manifest.id}"`,
    { hint: "moat plugin install" },
  );
}
