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

/** Options of {@linkcode readPluginDirectory}. */
export interface ReadDirectoryOptions {
  /** Read what belongs to a developer, too: in a directory that was installed it belongs to nobody. */
  readonly everything?: boolean;
}

/** Reads the plugin. @throws MoatError when it is none */
export async function readPluginDirectory(
  directory: string,
  source: string,
  { everything = false }: ReadDirectoryOptions = {},
): Promise<PluginFiles> {
  const builder = new PluginFilesBuilder(source);
  try {
    await addAll(directory, "", { builder, source, skipped: everything ? new Set() : SKIPPED });
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
  options: {
    readonly builder: PluginFilesBuilder;
    readonly source: string;
    readonly skipped: ReadonlySet<string>;
  },
): Promise<void> {
  const { builder, source, skipped } = options;
  for await (const { name, isFile, isDirectory, isSymlink } of Deno.readDir(directory)) {
    if (skipped.has(name)) continue;
    const path = `${prefix}${name}`;
    if (isSymlink) throw refused(source, `${JSON.stringify(path)} is a link`);
    if (isDirectory) await addAll(join(directory, name), `${path}/`, options);
    else if (isFile) builder.add(path, await Deno.readFile(join(directory, name)));
    else throw refused(source, `${JSON.stringify(path)} is no file`);
  }
}
