/**
 * An installed plugin as a value that can be registered.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import type { DependencyPlugin } from "../contract.ts";
import { createDependency } from "../manifest.ts";
import { parseManifest } from "../read_manifest.ts";
import { MANIFEST_FILE } from "./plugin_package.ts";
import { pluginDirectory, readStoredPlugin } from "./plugin_store.ts";

/** Loads it from the store. @throws MoatError when it is not there, or not what was locked */
export async function loadLockedPlugin(
  { id, digest }: { readonly id: string; readonly digest: string },
  context: Context,
): Promise<DependencyPlugin> {
  const { paths } = context;
  const files = await readStoredPlugin(paths, { id, digest });
  if (files === undefined) {
    throw new MoatError(`Cannot use plugin "${id}": it is not installed on this machine`, {
      hint: "moat plugin install",
    });
  }
  const text = new TextDecoder().decode(files.get(MANIFEST_FILE));
  const manifest = await parseManifest(`${id}/${MANIFEST_FILE}`, text);
  if (manifest.id === id) {
    if (manifest.entry === undefined) return createDependency(manifest);
    const [{ createCodeDependency }, { answerCache }] = await Promise.all([
      import("../code/code_dependency.ts"),
      import("../code/answer_cache.ts"),
    ]);
    return createCodeDependency(manifest, {
      directory: pluginDirectory(paths, digest),
      context,
      cache: answerCache(paths, digest),
    });
  }
  throw new MoatError(
    `Cannot use plugin "${id}": moat.lock has that name for a plugin that calls itself "${manifest.id}"`,
    { hint: "moat plugin install" },
  );
}
