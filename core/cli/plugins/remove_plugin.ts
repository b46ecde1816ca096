/**
 * `moat plugin remove`: takes a plugin out of moat.yaml and moat.lock.
 *
 * Its files stay in MOAT_HOME: other projects may use them.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { UsageError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { ProjectPluginFiles } from "../../plugin/install/project_plugin_files.ts";
import { projectDirectory } from "./project_directory.ts";

/** What was taken out, as `--json` prints it. */
export interface RemovedPlugin {
  readonly id: string;
  /** Entries that were under `dependencies:` and `plugins:`. */
  readonly entries: readonly string[];
}

/** Removes the plugin of that name. @throws UsageError when the project has none */
export async function removePlugin(name: string, context: Context): Promise<RemovedPlugin> {
  const files = await ProjectPluginFiles.open(await projectDirectory(context));
  const locked = files.locked.find(({ id, source }) => id === name || source === name);
  const id = locked?.id ?? name.split("@", 1)[0] ?? name;
  const dependencies = (await files.entries("dependencies"))
    .filter((entry) => entry.split(/[@:]/, 1)[0] === id || entry === name);
  const sources = (await files.entries("plugins"))
    .filter((entry) => entry === locked?.source || entry === name);
  if (locked === undefined && dependencies.length === 0 && sources.length === 0) {
    throw await notThere(name, files);
  }
  for (const entry of dependencies) await files.remove("dependencies", entry);
  for (const entry of sources) await files.remove("plugins", entry);
  files.unlock(id);
  await files.save();
  return { id, entries: [...dependencies, ...sources] };
}

async function notThere(name: string, files: ProjectPluginFiles): Promise<UsageError> {
  const entries = await files.entries("dependencies");
  const known = [
    ...files.locked.map(({ id }) => id),
    ...entries.map((one) => one.split("@", 1)[0] ?? ""),
  ];
  const guess = nearest(name, known);
  return new UsageError(`Cannot remove plugin "${name}": this project does not use it`, {
    hint: guess === undefined ? "moat plugin list" : `moat plugin remove ${guess}`,
  });
}
