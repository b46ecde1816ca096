/**
 * The registry of one project: what is part of moat, and the plugins that moat.yaml names.
 *
 * Only installed files with the digests of moat.lock are used; nothing is fetched here. What a run
 * does not use is not even read.
 *
 * @module
 */

import type { ProjectConfig } from "../config/project_config.ts";
import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import type { Plugin } from "./contract.ts";
import type { LockedPlugin } from "./install/plugin_lock.ts";
import { isOwnName } from "./own_name.ts";
import type { Registry } from "./registry.ts";

/** The plugins of a project. */
export interface ProjectPlugins {
  readonly registry: Registry<Plugin>;
  /** Those that the user of this home has not accepted: source and digest, for Trust. */
  readonly unaccepted: readonly string[];
}

/** Options of {@linkcode loadProjectPlugins}. */
export interface LoadProjectPluginsOptions {
  readonly project: { readonly path: string };
  readonly context: Context;
  /** Entries that ask for dependencies: what none of them names is not read. */
  readonly entries: readonly string[];
  /** The runtime that is asked for; those that are not are not read. */
  readonly runtime?: string | undefined;
}

/** Loads those that are used. @throws MoatError when one is not locked, not installed, or was changed */
export async function loadProjectPlugins(
  { plugins }: Pick<ProjectConfig, "plugins">,
  { project, context, entries, runtime }: LoadProjectPluginsOptions,
): Promise<ProjectPlugins> {
  if (plugins.length === 0) return { registry: context.registry, unaccepted: [] };
  const { readLock, settleLock } = await import("./install/plugin_lock.ts");
  const locked = settleLock(await readLock(project.path), plugins);
  const bySource = new Map(locked.map((plugin) => [plugin.source, plugin]));
  const installed = plugins.map((source) => requireLocked(source, bySource.get(source)));
  const used = await loadUsed(installed, { entries, runtime, context });
  if (used.length === 0) return { registry: context.registry, unaccepted: [] };
  const [{ Registry }, { Store }] = await Promise.all([
    import("./registry.ts"),
    import("../store/store.ts"),
  ]);
  using store = Store.openExisting(context.paths);
  const unaccepted = used.filter(({ digest }) => store?.isPluginAccepted(digest) !== true);
  for (const { plugin } of unaccepted) refuseUnaccepted(plugin);
  const loaded = used.map(({ plugin }) => plugin);
  refuseTaken(loaded, context.registry);
  return {
    registry: new Registry([
      ...context.registry.list("runtime"),
      ...context.registry.list("dependency"),
      ...context.registry.list("provider"),
      ...loaded,
    ]),
    unaccepted: unaccepted.map(({ source, digest }) => `${source} ${digest}`),
  };
}

/** A locked plugin from elsewhere. */
type InstalledPlugin = LockedPlugin & { readonly digest: string };

/** One that was read. */
type LoadedPlugin = InstalledPlugin & { readonly plugin: Plugin };

function requireLocked(source: string, plugin: LockedPlugin | undefined): InstalledPlugin {
  const digest = plugin?.digest;
  if (plugin !== undefined && digest !== undefined) return { ...plugin, digest };
  throw new MoatError(`Cannot use plugin "${source}": moat.lock does not have it`, {
    hint: "moat plugin install",
  });
}

/** The runtime that is asked for, those that the entries name, and those that these need in turn. */
async function loadUsed(
  installed: readonly InstalledPlugin[],
  { entries, runtime, context }: Pick<
    LoadProjectPluginsOptions,
    "entries" | "runtime" | "context"
  >,
): Promise<readonly LoadedPlugin[]> {
  const { registry } = context;
  const runtimes = installed.filter(({ kind, id }) => kind === "runtime" && id === runtime);
  const dependencies = installed.filter(({ kind }) => kind === "dependency");
  const known = new Set(dependencies.map(({ id }) => id));
  const names = entries.map(nameOf);
  // With a name that nobody has, the nearest of all is told.
  const isSlip = names.some((name) => !known.has(name) && !isOwnName(name, { registry }));
  const wanted = new Set(isSlip ? [...names, ...known] : names);
  const loaded: LoadedPlugin[] = [];
  const load = async (one: InstalledPlugin): Promise<Plugin> => {
    const { loadLockedPlugin } = await import("./install/load_locked_plugin.ts");
    const plugin = await loadLockedPlugin(one, context);
    loaded.push({ ...one, plugin });
    return plugin;
  };
  for (const one of runtimes) await load(one);
  for (let waiting = dependencies;;) {
    const next = waiting.filter(({ id }) => wanted.has(id));
    if (next.length === 0) return loaded;
    waiting = waiting.filter(({ id }) => !wanted.has(id));
    for (const one of next) {
      const plugin = await load(one);
      if (plugin.kind !== "dependency") continue;
      for (const entry of [...plugin.requires ?? [], ...plugin.expands ?? []]) {
        wanted.add(nameOf(entry));
      }
    }
  }
}

function nameOf(entry: string): string {
  return entry.split(/[@:]/, 1)[0] ?? entry;
}

/** Planning starts what is code, before anybody can be asked for the project's trust. */
function refuseUnaccepted(plugin: Plugin): void {
  const { kind, id } = plugin;
  if (kind !== "runtime" && (kind !== "dependency" || plugin.ask === undefined)) return;
  throw new MoatError(`Cannot use plugin "${id}": it is code that you did not accept`, {
    hint: "moat plugin install",
  });
}

function refuseTaken(plugins: readonly Plugin[], registry: Registry<Plugin>): void {
  const seen = new Set<string>();
  for (const { kind, id } of plugins) {
    if (isOwnName(id, { kind, registry }) || seen.has(id)) {
      throw new MoatError(`Cannot use plugin "${id}": that name is another plugin's already`, {
        hint: `moat plugin remove ${id}`,
      });
    }
    seen.add(id);
  }
}
