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
import { skeletonOf } from "../../plugin/skeleton.ts";
import { makeTemporaryDirectory } from "../../plugin/temporary_directory.ts";

/** A directory needs no index. */
const NO_KEYS = { fact: () => undefined, setFact: () => {} };

const ID = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** Makes the directory with a plugin in it; returns its path. @throws MoatError when it has files */
export async function createPlugin(
  path: string,
  { cwd, registry }: Pick<Context, "cwd" | "registry">,
): Promise<string> {
  const directory = resolve(cwd, path);
  const id = basename(directory);
  if (!ID.test(id)) {
    throw new UsageError(`Cannot create plugin "${id}": it is not a name`, {
      hint: "Use a-z, 0-9 and -, as in: moat plugin create my-tool",
    });
  }
  if (registry.find("dependency", id) !== undefined) {
    throw new MoatError(`Cannot create plugin "${id}": moat has a dependency of that name itself`, {
      hint: "Give the directory another name",
    });
  }
  await Deno.mkdir(directory, { recursive: true });
  for await (const { name } of Deno.readDir(directory)) {
    throw new MoatError(`Cannot create plugin "${id}": "${path}" has files already (${name})`, {
      hint: "Name a directory that does not exist",
    });
  }
  for (const [file, text] of Object.entries(skeletonOf(id))) {
    await Deno.writeTextFile(join(directory, file), text, { createNew: true });
  }
  return directory;
}

/** What the contract's checks say of the plugin in a directory. @throws MoatError when it is none */
export async function testPlugin(path: string, context: Context): Promise<readonly PluginCheck[]> {
  const { cwd, version, signal, registry } = context;
  const { manifest, files } = await fetchPlugin(
    { kind: "directory", path: resolve(cwd, path) },
    { project: cwd, version, signal, registries: [], store: NO_KEYS },
  );
  if (manifest.entry === undefined) {
    return await checkPlugin(createDependency(manifest), registry);
  }
  await using directory = await makeTemporaryDirectory();
  await writePluginFiles(directory.path, files);
  const code = createCodeDependency(manifest, { directory: directory.path, context });
  return await checkPlugin(code, registry);
}

/** The checks for people; returns whether all passed. */
export function renderChecks(checks: readonly PluginCheck[]): string {
  const failed = checks.filter(({ problem }) => problem !== undefined).length;
  const lines = checks.map(({ title, problem }) =>
    problem === undefined ? `ok      ${title}` : `FAILED  ${title}: ${problem}`
  );
  return `${lines.join("\n")}\n${checks.length - failed} passed, ${failed} failed\n`;
}
