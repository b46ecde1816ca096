/**
 * A plugin out of a directory: every file below it, links refused.
 *
 * @module
 */

import { join } from "node:path";
import { describeError, MoatError } from "../../errors.ts";
import { type PluginFiles, PluginFilesBuilder, refused } from "./plugin_package.ts";

/** Left out: they belong to whoever develops the plugin. */
const SKIPPED = new Set([".git", "node_modules"]);

/** Reads the plugin. @throws MoatError when it is none */
export async function readPluginDirectory(directory: string, source: string): Promise<PluginFiles> {
  const builder = new PluginFilesBuilder(source);
  try {
    await addAll(directory, "", { builder, source });
  } catch (error) {
    if (error instanceof MoatError) throw error;
    throw new MoatError(`Cannot read plugin ${JSON.stringify(source)}: ${describeError(error)}`, {
      cause: error,
    });
  }
  return builder.build();
}

async function addAll(
  directory: string,
  prefix: string,
  { builder, source }: { readonly builder: PluginFilesBuilder; readonly source: string },
): Promise<void> {
  for await (const { name, isFile, isDirectory, isSymlink } of Deno.readDir(directory)) {
    if (SKIPPED.has(name)) continue;
    const path = `${prefix}${name}`;
    if (isSymlink) throw refused(source, `${JSON.stringify(path)} is a link`);
    if (isDirectory) await addAll(join(directory, name), `${path}/`, { builder, source });
    else if (isFile) builder.add(path, await Deno.readFile(join(directory, name)));
    else throw refused(source, `${JSON.stringify(path)} is no file`);
  }
}
