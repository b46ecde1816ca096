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
import { samePermissions } from "../permissions.ts";
import type { LockedPlugin } from "./plugin_lock.ts";
import { MANIFEST_FILE } from "./plugin_package.ts";
import { pluginDirectory, readStoredPlugin } from "./plugin_store.ts";

/** Loads it from the store. @throws MoatError when it is not there, or not what was locked */
export async function loadLockedPlugin(
  { id, digest, permissions }: Pick<LockedPlugin, "id" | "permissions"> & {
    readonly digest: string;
  },
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
    if (permissions !== undefined && !samePermissions(permissions, manifest.permissions)) {
      throw new MoatError(
        `Cannot use plugin "${id}": moat.lock has other permissions for it than its manifest`,
        { hint: `moat plugin remove ${id}, and add it again` },
      );
    }
    if (manifest.entry === undefined) return createDependency(manifest);
    const [{ createCodeDependency }, { answerCache }, { cacheDirectory }] = await Promise.all([
      import("../code/code_dependency.ts"),
      import("../code/answer_cache.ts"),
      import("../code/code_access.ts"),
    ]);
    return createCodeDependency(manifest, {
      directory: pluginDirectory(paths, digest),
      ownDirectory: cacheDirectory(paths, digest),
      context,
      cache: answerCache(paths, digest),
    });
  }
  throw new MoatError(
    `Cannot use plugin "${id}": moat.lock has that name for a plugin that calls itself "${manifest.id}"`,
    { hint: "moat plugin install" },
  );
}
