/**
 * An installed plugin as a value that can be registered.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import type { Plugin } from "../contract.ts";
import { createDependency, type Manifest } from "../manifest.ts";
import { parseManifest } from "../read_manifest.ts";
import type { PluginManifest } from "../manifest_kinds.ts";
import { samePermissions } from "../permissions.ts";
import type { Paths } from "../../store/paths.ts";
import type { LockedPlugin } from "./plugin_lock.ts";
import { MANIFEST_FILE, type PluginFiles } from "./plugin_package.ts";
import { pluginDirectory, readStoredPlugin } from "./plugin_store.ts";

/** Loads it from the store. @throws MoatError when it is not there, or not what was locked */
export async function loadLockedPlugin(
  { id, digest, permissions }: Pick<LockedPlugin, "id" | "permissions"> & {
    readonly digest: string;
  },
  context: Context,
): Promise<Plugin> {
  const { paths } = context;
  const files = await readInstalled(paths, { id, digest });
  const text = new TextDecoder().decode(files.get(MANIFEST_FILE));
  const manifest = await parseManifest(`${id}/${MANIFEST_FILE}`, text);
  if (manifest.id === id) {
    if (permissions !== undefined && !samePermissions(permissions, manifest.permissions)) {
      throw new MoatError(
        `Cannot use plugin "${id}": moat.lock has other permissions for it than its manifest`,
        { hint: `moat plugin remove ${id}, and add it again` },
      );
    }
    return await createPlugin(manifest, { digest, context });
  }
  throw new MoatError(
    `Cannot use plugin "${id}": moat.lock has that name for a plugin that calls itself "${manifest.id}"`,
    { hint: "moat plugin install" },
  );
}

async function createPlugin(
  manifest: PluginManifest,
  { digest, context }: { readonly digest: string; readonly context: Context },
): Promise<Plugin> {
  switch (manifest.kind) {
    case "dependency":
      return await createInstalledDependency(manifest, { digest, context });
    case "runtime": {
      const { createExecutableRuntime } = await import(
        "../executable/executable_runtime_plugin.ts"
      );
      const { id } = manifest;
      const { paths } = context;
      return createExecutableRuntime(manifest, {
        directory: pluginDirectory(paths, digest),
        digest,
        verify: async () => void await readInstalled(paths, { id, digest }),
      });
    }
    case "provider": {
      const { createManifestProvider } = await import("../provider.ts");
      return createManifestProvider(manifest);
    }
  }
}

async function createInstalledDependency(
  manifest: Manifest,
  { digest, context }: { readonly digest: string; readonly context: Context },
): Promise<Plugin> {
  if (manifest.entry === undefined) return createDependency(manifest);
  const { paths } = context;
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

async function readInstalled(
  paths: Pick<Paths, "store">,
  { id, digest }: { readonly id: string; readonly digest: string },
): Promise<PluginFiles> {
  const files = await readStoredPlugin(paths, { id, digest });
  if (files !== undefined) return files;
  throw new MoatError(`Cannot use plugin "${id}": it is not installed on this machine`, {
    hint: "moat plugin install",
  });
}
