/**
 * `moat plugin add`: makes a plugin part of the project.
 *
 * What is part of moat goes under `dependencies:` alone; what comes from elsewhere is fetched,
 * checked, shown, accepted and kept, and goes under `plugins:` as well. moat.lock pins both.
 *
 * @module
 */

import { loadHomeConfig } from "../../config/load_home_config.ts";
import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { resolveDependencies } from "../../image/resolve_dependencies.ts";
import { parseEntry } from "../../plugin/dependency_entry.ts";
import { fetchPlugin } from "../../plugin/install/fetch_plugin.ts";
import { BUILTIN } from "../../plugin/install/plugin_lock.ts";
import {
  formatPluginSource,
  parsePluginSource,
  type ThirdPartySource,
  thirdPartySource,
} from "../../plugin/install/plugin_source.ts";
import { isOwnName } from "../../plugin/own_name.ts";
import { type ManifestPermissions, permissionsOf } from "../../plugin/permissions.ts";
import { storePlugin } from "../../plugin/install/plugin_store.ts";
import { ProjectPluginFiles } from "../../plugin/install/project_plugin_files.ts";
import type { PluginKind } from "../../plugin/manifest_kinds.ts";
import { Store } from "../../store/store.ts";
import { acceptPlugin } from "./accept_plugin.ts";
import { fetchOptions } from "./fetch_options.ts";
import { lockedOf } from "./install_plugins.ts";
import { projectDirectory } from "./project_directory.ts";

/** What was done, as `--json` prints it. */
export interface AddedPlugin {
  readonly id: string;
  readonly kind: PluginKind;
  readonly version: string | null;
  readonly source: string;
  readonly digest: string | null;
  /** What its code may have; `null` where it has none. */
  readonly permissions: ManifestPermissions | null;
  /** The entry under `dependencies:`; `null` for what does not belong there. */
  readonly entry: string | null;
  /** False when everything was there already. */
  readonly changed: boolean;
}

/** Adds it. @throws MoatError with nothing changed */
export async function addPlugin(
  text: string,
  context: Context,
  { yes }: { readonly yes: boolean },
): Promise<AddedPlugin> {
  const source = parsePluginSource(text);
  const project = await projectDirectory(context);
  const files = await ProjectPluginFiles.open(project);
  if (source.kind === "name") {
    const { registries } = await loadHomeConfig(context.paths);
    // Without an index, a name that is not moat's own is a slip of the pen: the nearest is named.
    if (registries.length === 0 || isBuiltin(source.entry, context)) {
      return await addBuiltin(source.entry, { files, context });
    }
  }
  return await addThirdParty(thirdPartySource(text), { files, context, project, yes });
}

async function addBuiltin(
  typed: string,
  { files, context }: { readonly files: ProjectPluginFiles; readonly context: Context },
): Promise<AddedPlugin> {
  const { registry } = context;
  // Names the nearest one when there is none of that name.
  resolveDependencies([typed], registry);
  const { name } = parseEntry(typed);
  const plugin = registry.find("dependency", name);
  const wanted = plugin?.versions?.default;
  const entry = typed === name && wanted !== undefined ? `${name}@${wanted}` : typed;
  const present = await files.entries("dependencies");
  const same = present.find((one) => one === entry || one === typed);
  if (same === undefined) {
    refuseSecond(typed, { name, present: plugin === undefined ? [] : present });
    // Names what does not go together.
    resolveDependencies([...present.filter((one) => isBuiltin(one, context)), entry], registry);
    await files.add("dependencies", entry);
  }
  const used = same ?? entry;
  const version = resolveDependencies([used], registry).find(({ text }) => text === used)?.version;
  if (plugin !== undefined) {
    const exact = version === undefined ? {} : { version };
    files.lock({ id: name, kind: "dependency", ...exact, source: BUILTIN });
  }
  const changed = await files.changed();
  await files.save();
  return {
    id: name,
    kind: "dependency",
    version: version ?? null,
    source: BUILTIN,
    digest: null,
    permissions: null,
    entry: used,
    changed,
  };
}

function refuseSecond(
  typed: string,
  { name, present }: { readonly name: string; readonly present: readonly string[] },
): void {
  const other = present.find((one) => one.split(/[@:]/, 1)[0] === name);
  if (other === undefined) return;
  throw new MoatError(`Cannot add "${typed}": moat.yaml asks for "${other}"`, {
    hint: `moat plugin remove ${name}`,
  });
}

function isBuiltin(entry: string, { registry }: Context): boolean {
  return isOwnName(entry.split(/[@:]/, 1)[0] ?? "", { registry });
}

async function addThirdParty(
  source: ThirdPartySource,
  { files, context, project, yes }: {
    readonly files: ProjectPluginFiles;
    readonly context: Context;
    readonly project: string;
    readonly yes: boolean;
  },
): Promise<AddedPlugin> {
  const { paths } = context;
  using store = Store.open(paths);
  const plugin = await fetchPlugin(source, await fetchOptions(context, { project, store }));
  const { manifest, digest } = plugin;
  const { id } = manifest;
  const text = formatPluginSource(plugin.source);
  refuseOther(files, { id, source: text });
  await acceptPlugin(plugin, context, { yes, accepted: store.isPluginAccepted(digest) });
  await storePlugin(paths, plugin.files);
  store.acceptPlugin({ digest, id, version: manifest.version, source: text });
  files.lock(lockedOf(plugin, text));
  await files.add("plugins", text);
  const entry = manifest.kind === "dependency" ? await addEntry(id, files) : null;
  const changed = await files.changed();
  await files.save();
  return {
    id,
    kind: manifest.kind,
    version: manifest.version,
    source: text,
    digest,
    permissions: permissionsOf(manifest),
    entry,
    changed,
  };
}

/** The plugin's entry under `dependencies:`, as it is or new. */
async function addEntry(id: string, files: ProjectPluginFiles): Promise<string> {
  const present = await files.entries("dependencies");
  const same = present.find((one) => one.split("@", 1)[0] === id);
  if (same === undefined) await files.add("dependencies", id);
  return same ?? id;
}

/** One id, one plugin. */
function refuseOther(
  files: ProjectPluginFiles,
  { id, source }: { readonly id: string; readonly source: string },
): void {
  const other = files.locked.find((one) => one.id === id);
  if (other === undefined || other.source === source) return;
  throw new MoatError(
    `Cannot add plugin "${id}" from "${source}": the project has it from "${other.source}"`,
    {
      hint: `moat plugin remove ${id}, or for another version: moat plugin update ${id}`,
    },
  );
}
