/**
 * `moat plugin create` and `test`: for those who write plugins.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { MoatError, UsageError } from "../../errors.ts";
import { checkPlugin, type PluginCheck } from "../../plugin/check_plugin.ts";
import { createCodeDependency } from "../../plugin/code/code_dependency.ts";
import { fetchPlugin } from "../../plugin/install/fetch_plugin.ts";
import { writePluginFiles } from "../../plugin/install/plugin_store.ts";
import { createDependency } from "../../plugin/manifest.ts";
import { PLUGIN_KINDS, type PluginManifest } from "../../plugin/manifest_kinds.ts";
import { skeletonOf } from "../../plugin/skeleton.ts";
import { makeTemporaryDirectory } from "../../plugin/temporary_directory.ts";
import { isOwnName } from "../../plugin/own_name.ts";

/** A directory needs no index. */
const NO_KEYS = { fact: () => undefined, setFact: () => {} };

const ID = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** Makes the directory with a plugin in it; returns its path. @throws MoatError when it has files */
export async function createPlugin(
  path: string,
  { cwd, registry }: Pick<Context, "cwd" | "registry">,
  { kind: asked }: { readonly kind: string },
): Promise<string> {
  const kind = PLUGIN_KINDS.find((one) => one === asked) ?? "dependency";
  const directory = resolve(cwd, path);
  const id = basename(directory);
  if (!ID.test(id)) {
    throw new UsageError(`Cannot create plugin "${id}": it is not a name`, {
      hint: "Use a-z, 0-9 and -, as in: moat plugin create my-tool",
    });
  }
  if (isOwnName(id, { kind, registry })) {
    throw new MoatError(`Cannot create plugin "${id}": moat has a ${kind} of that name itself`, {
      hint: "Give the directory another name",
    });
  }
  await Deno.mkdir(directory, { recursive: true });
  for await (const { name } of Deno.readDir(directory)) {
    throw new MoatError(`Cannot create plugin "${id}": "${path}" has files already (${name})`, {
      hint: "Name a directory that does not exist",
    });
  }
  for (const [file, text] of Object.entries(skeletonOf(id, kind))) {
    const mode = text.startsWith("#!") ? 0o755 : 0o644;
    await Deno.writeTextFile(join(directory, file), text, { createNew: true, mode });
  }
  return directory;
}

/** What the contract's checks say of the plugin in a directory. @throws MoatError when it is none */
export async function testPlugin(path: string, context: Context): Promise<readonly PluginCheck[]> {
  const { cwd, version, signal } = context;
  const { manifest, files } = await fetchPlugin(
    { kind: "directory", path: resolve(cwd, path) },
    { project: cwd, version, signal, registries: [], store: NO_KEYS },
  );
  await using directory = await makeTemporaryDirectory();
  await writePluginFiles(directory.path, files);
  return await checkKind(manifest, { directory: directory.path, context });
}

async function checkKind(
  manifest: PluginManifest,
  { directory, context }: { readonly directory: string; readonly context: Context },
): Promise<readonly PluginCheck[]> {
  const { registry } = context;
  switch (manifest.kind) {
    case "dependency": {
      const plugin = manifest.entry === undefined
        ? createDependency(manifest)
        : createCodeDependency(manifest, { directory, context });
      return await checkPlugin(plugin, registry);
    }
    case "runtime": {
      const { checkRuntime } = await import("../../plugin/check_runtime.ts");
      return await checkRuntime(manifest, { directory, context });
    }
    case "provider": {
      const { checkProvider } = await import("../../plugin/check_provider.ts");
      return await checkProvider(manifest, registry);
    }
  }
}

/** The checks for people; returns whether all passed. */
export function renderChecks(checks: readonly PluginCheck[]): string {
  const failed = checks.filter(({ problem }) => problem !== undefined).length;
  const lines = checks.map(({ title, problem }) =>
    problem === undefined ? `ok      ${title}` : `FAILED  ${title}: ${problem}`
  );
  return `${lines.join("\n")}\n${checks.length - failed} passed, ${failed} failed\n`;
}
