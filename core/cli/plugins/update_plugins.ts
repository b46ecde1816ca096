/**
 * `moat plugin update`, `outdated` and `rollback`: to the newest files of a source, and back.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError, UsageError } from "../../errors.ts";
import { type FetchedPlugin, fetchPlugin } from "../../plugin/install/fetch_plugin.ts";
import { BUILTIN, type LockedPlugin } from "../../plugin/install/plugin_lock.ts";
import { MANIFEST_FILE } from "../../plugin/install/plugin_package.ts";
import {
  formatPluginSource,
  type ThirdPartySource,
  thirdPartySource,
} from "../../plugin/install/plugin_source.ts";
import { readStoredPlugin, storePlugin } from "../../plugin/install/plugin_store.ts";
import { ProjectPluginFiles } from "../../plugin/install/project_plugin_files.ts";
import { type ManifestPermissions, permissionsOf } from "../../plugin/permissions.ts";
import type { PluginManifest } from "../../plugin/manifest_kinds.ts";
import { parseManifest } from "../../plugin/read_manifest.ts";
import { Store } from "../../store/store.ts";
import { acceptPlugin } from "./accept_plugin.ts";
import { fetchOptions } from "./fetch_options.ts";
import { lockedOf } from "./install_plugins.ts";
import { printable } from "../table.ts";
import { projectDirectory } from "./project_directory.ts";

/** A plugin and what its source has now, as `--json` prints it. */
export interface PluginUpdate {
  readonly id: string;
  readonly from: string | null;
  readonly to: string;
  /** Whether the files differ. */
  readonly changed: boolean;
  /** Why its index withdrew the release that the project has; `null` when it did not. */
  readonly withdrawn: string | null;
  /** What its code may have, before and after; `null` where nothing of it is code. */
  readonly permissions: {
    readonly from: ManifestPermissions | null;
    readonly to: ManifestPermissions | null;
  };
}

/** What the sources have now, for all third-party plugins or the one named. Changes nothing. */
export async function outdatedPlugins(
  context: Context,
  name?: string,
): Promise<readonly PluginUpdate[]> {
  const project = await projectDirectory(context);
  const files = await ProjectPluginFiles.open(project);
  using store = Store.open(context.paths);
  return await Promise.all(
    chosen(files, name).map(async (locked) =>
      compare(locked, await fetchNewest(locked, { context, project, store }))
    ),
  );
}

/** Takes them over, each after it was accepted. */
export async function updatePlugins(
  context: Context,
  { name, yes }: { readonly name?: string; readonly yes: boolean },
): Promise<readonly PluginUpdate[]> {
  const project = await projectDirectory(context);
  const files = await ProjectPluginFiles.open(project);
  using store = Store.open(context.paths);
  const updates: PluginUpdate[] = [];
  for (const locked of chosen(files, name)) {
    const plugin = await fetchNewest(locked, { context, project, store });
    updates.push(compare(locked, plugin));
    if (plugin.digest === locked.digest) continue;
    const { digest, manifest } = plugin;
    refuseRenamed(locked, plugin);
    await acceptPlugin(plugin, context, {
      yes,
      accepted: store.isPluginAccepted(digest),
      before: await installedManifest(locked, context),
    });
    await storePlugin(context.paths, plugin.files);
    const source = formatPluginSource(plugin.source);
    store.acceptPlugin({ digest, id: manifest.id, version: manifest.version, source });
    await replace(files, locked, { ...lockedOf(plugin, source), ...previousOf(locked) });
  }
  await files.save();
  return updates;
}

/** Goes back to what was there before the last update. @throws MoatError when that is not known */
export async function rollbackPlugin(name: string, context: Context): Promise<PluginUpdate> {
  const files = await ProjectPluginFiles.open(await projectDirectory(context));
  const [locked] = chosen(files, name);
  const previous = locked?.previous;
  if (locked === undefined || previous === undefined) {
    throw new MoatError(`Cannot roll back plugin "${name}": it was not updated in this project`, {
      hint: "moat plugin list",
    });
  }
  const stored = await readStoredPlugin(context.paths, { id: name, digest: previous.digest });
  if (stored === undefined) {
    throw new MoatError(
      `Cannot roll back plugin "${name}": ${previous.digest} is not installed on this machine`,
      { hint: `moat plugin remove ${name}, then: moat plugin add ${previous.source}` },
    );
  }
  await replace(files, locked, {
    id: locked.id,
    kind: locked.kind,
    ...previous,
    ...previousOf(locked),
  });
  await files.save();
  return {
    id: locked.id,
    from: locked.version ?? null,
    to: previous.version ?? "",
    changed: true,
    withdrawn: null,
    permissions: { from: locked.permissions ?? null, to: previous.permissions ?? null },
  };
}

/** The updates for people, one a line. */
export function renderUpdates(updates: readonly PluginUpdate[]): string {
  return updates.map(({ id, from, to, withdrawn }) => {
    const files = from === to ? " (other files)" : "";
    const why = withdrawn === null ? "" : ` (${from} was withdrawn: ${withdrawn})`;
    return `${printable(`${id} ${from ?? "?"} -> ${to}${files}${why}`)}\n`;
  }).join("");
}

function chosen(files: ProjectPluginFiles, name: string | undefined): readonly LockedPlugin[] {
  const thirdParty = files.locked.filter(({ source }) => source !== BUILTIN);
  if (name === undefined) return thirdParty;
  const one = files.locked.find(({ id }) => id === name);
  if (one === undefined) {
    throw new UsageError(`Cannot update plugin "${name}": this project does not use it`, {
      hint: "moat plugin list",
    });
  }
  if (one.source === BUILTIN) {
    throw new MoatError(`Cannot update plugin "${name}": it is part of moat`, {
      hint: `Ask for another version under dependencies: in moat.yaml, or update moat`,
    });
  }
  return [one];
}

async function fetchNewest(
  { source }: LockedPlugin,
  { context, project, store }: {
    readonly context: Context;
    readonly project: string;
    readonly store: Store;
  },
): Promise<FetchedPlugin> {
  const newest = withoutVersion(thirdPartySource(source));
  return await fetchPlugin(newest, await fetchOptions(context, { project, store }));
}

/** The manifest of what is installed, where it is still as it was. */
async function installedManifest(
  { id, digest }: LockedPlugin,
  { paths }: Pick<Context, "paths">,
): Promise<PluginManifest | undefined> {
  if (digest === undefined) return undefined;
  const files = await readStoredPlugin(paths, { id, digest });
  const text = files?.get(MANIFEST_FILE);
  if (text === undefined) return undefined;
  return await parseManifest(`${id}/${MANIFEST_FILE}`, new TextDecoder().decode(text));
}

function withoutVersion(source: ThirdPartySource): ThirdPartySource {
  return source.kind === "npm" || source.kind === "index"
    ? { kind: source.kind, name: source.name }
    : source;
}

function compare(
  { id, version, digest, permissions }: LockedPlugin,
  plugin: FetchedPlugin,
): PluginUpdate {
  return {
    id,
    from: version ?? null,
    to: plugin.manifest.version,
    changed: plugin.digest !== digest,
    withdrawn: plugin.withdrawn?.[version ?? ""] ?? null,
    permissions: { from: permissions ?? null, to: permissionsOf(plugin.manifest) },
  };
}

function refuseRenamed({ id }: LockedPlugin, { manifest }: FetchedPlugin): void {
  if (manifest.id === id) return;
  throw new MoatError(
    `Cannot update plugin "${id}": its source has a plugin "${manifest.id}" now`,
    {
      hint: `moat plugin remove ${id}`,
    },
  );
}

function previousOf({ digest, ...locked }: LockedPlugin): Pick<LockedPlugin, "previous"> {
  if (digest === undefined) return {};
  const { id: _, kind: __, previous: ___, ...exact } = locked;
  return { previous: { ...exact, digest } };
}

async function replace(
  files: ProjectPluginFiles,
  before: LockedPlugin,
  after: LockedPlugin,
): Promise<void> {
  if (after.source !== before.source) {
    await files.remove("plugins", before.source);
    await files.add("plugins", after.source);
  }
  files.lock(after);
}
