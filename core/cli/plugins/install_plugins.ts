/**
 * `moat plugin install`: gets what moat.yaml and moat.lock ask for onto this machine.
 *
 * Frozen, nothing may differ from the lock: that is for CI.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { resolveDependencies } from "../../image/resolve_dependencies.ts";
import { type FetchedPlugin, fetchPlugin } from "../../plugin/install/fetch_plugin.ts";
import { BUILTIN, lockedPermissions, type LockedPlugin } from "../../plugin/install/plugin_lock.ts";
import { formatPluginSource, thirdPartySource } from "../../plugin/install/plugin_source.ts";
import { stateOf } from "../../plugin/install/plugin_state.ts";
import { storePlugin } from "../../plugin/install/plugin_store.ts";
import { ProjectPluginFiles } from "../../plugin/install/project_plugin_files.ts";
import { isOwnName } from "../../plugin/own_name.ts";
import { Store } from "../../store/store.ts";
import { acceptPlugin } from "./accept_plugin.ts";
import { fetchOptions } from "./fetch_options.ts";
import { type ListedPlugin, listPlugins } from "./list_plugins.ts";
import { projectDirectory } from "./project_directory.ts";

/** Options of {@linkcode installPlugins}. */
export interface InstallPluginsOptions {
  /** Refuse whatever would change moat.lock. */
  readonly frozen: boolean;
  readonly yes: boolean;
}

/** Installs them; returns the project's plugins. @throws MoatError naming the first that fails */
export async function installPlugins(
  context: Context,
  options: InstallPluginsOptions,
): Promise<readonly ListedPlugin[]> {
  const project = await projectDirectory(context);
  const files = await ProjectPluginFiles.open(project);
  const sources = await files.entries("plugins");
  dropUnused(files, { sources, frozen: options.frozen });
  await checkBuiltin(files, { context, frozen: options.frozen });
  using store = Store.open(context.paths);
  for (const source of sources) {
    await installOne(source, { files, store, project, context, ...options });
  }
  await files.save();
  return await listPlugins(context);
}

async function installOne(
  text: string,
  { files, store, project, context, frozen, yes }: InstallPluginsOptions & {
    readonly files: ProjectPluginFiles;
    readonly store: Store;
    readonly project: string;
    readonly context: Context;
  },
): Promise<void> {
  const locked = files.locked.find(({ source }) => source === text);
  if (locked === undefined && frozen) {
    throw new MoatError(
      `Cannot install plugin "${text}": moat.lock does not have it, and it is frozen`,
      {
        hint: "moat plugin install, without --frozen, and commit moat.lock",
      },
    );
  }
  const { paths } = context;
  if (locked !== undefined && await stateOf(locked, { paths, store }) === "ok") return;
  const source = thirdPartySource(text);
  if (source.kind === "index" && isOwnName(source.name, context)) {
    throw new MoatError(`Cannot install plugin "${text}": it is part of moat`, {
      hint: `Write ${text} under dependencies: in moat.yaml`,
    });
  }
  const plugin = await fetchPlugin(source, await fetchOptions(context, { project, store }));
  refuseOther(plugin, { text, locked, frozen });
  const { digest, manifest } = plugin;
  await acceptPlugin(plugin, context, { yes, accepted: store.isPluginAccepted(digest) });
  await storePlugin(paths, plugin.files);
  store.acceptPlugin({ digest, id: manifest.id, version: manifest.version, source: text });
  const exact = formatPluginSource(plugin.source);
  files.lock(lockedOf(plugin, exact));
  if (exact !== text) {
    await files.remove("plugins", text);
    await files.add("plugins", exact);
  }
}

/** What the lock keeps of a fetched plugin. */
export function lockedOf({ manifest, digest }: FetchedPlugin, source: string): LockedPlugin {
  const { id, kind, version, permissions } = manifest;
  return { id, kind, version, source, digest, ...lockedPermissions(permissions) };
}

/** The lock names the files exactly; a directory that is being worked on is `update`'s. */
function refuseOther(
  { digest, manifest, source }: FetchedPlugin,
  { text, locked, frozen }: {
    readonly text: string;
    readonly locked: LockedPlugin | undefined;
    readonly frozen: boolean;
  },
): void {
  if (locked === undefined || locked.digest === digest) return;
  throw new MoatError(
    `Cannot install plugin "${text}": its files have the digest ${digest}, moat.lock says ${locked.digest}`,
    {
      hint: frozen || source.kind === "npm" || source.kind === "index"
        ? "Find out who changed it, before anything else"
        : `If you changed it yourself: moat plugin update ${manifest.id}`,
    },
  );
}

function dropUnused(
  files: ProjectPluginFiles,
  { sources, frozen }: { readonly sources: readonly string[]; readonly frozen: boolean },
): void {
  for (const { id, source } of files.locked) {
    if (source === BUILTIN || sources.includes(source)) continue;
    if (frozen) {
      throw new MoatError(
        `Cannot install plugin "${id}": moat.yaml does not name it, and the lock is frozen`,
        {
          hint: "moat plugin install, without --frozen, and commit moat.lock",
        },
      );
    }
    files.unlock(id);
  }
}

/** What is part of moat has the version that the lock says, or the lock follows. */
async function checkBuiltin(
  files: ProjectPluginFiles,
  { context, frozen }: { readonly context: Context; readonly frozen: boolean },
): Promise<void> {
  const entries = await files.entries("dependencies");
  for (const plugin of files.locked.filter(({ source }) => source === BUILTIN)) {
    const entry = entries.find((one) => one.split(/[@:]/, 1)[0] === plugin.id);
    const version = entry === undefined
      ? undefined
      : resolveDependencies([entry], context.registry).find(({ text }) => text === entry)?.version;
    if (entry !== undefined && version === plugin.version) continue;
    if (frozen) {
      const state = entry === undefined
        ? "moat.yaml does not name it"
        : `this moat takes version ${version ?? "none"}, moat.lock says ${
          plugin.version ?? "none"
        }`;
      throw new MoatError(
        `Cannot install plugin "${plugin.id}": ${state}, and the lock is frozen`,
        {
          hint: "moat plugin install, without --frozen, and commit moat.lock",
        },
      );
    }
    if (entry === undefined) files.unlock(plugin.id);
    else {files.lock({
        id: plugin.id,
        kind: plugin.kind,
        ...(version && { version }),
        source: BUILTIN,
      });}
  }
}
