/**
 * The registry of one project: what is part of moat, and the plugins that moat.yaml names.
 *
 * Only installed files with the digests of moat.lock are used; nothing is fetched here.
 *
 * @module
 */

import type { ProjectConfig } from "../config/project_config.ts";
import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import type { Plugin } from "./contract.ts";
import type { Registry } from "./registry.ts";

/** The plugins of a project. */
export interface ProjectPlugins {
  readonly registry: Registry<Plugin>;
  /** Those that the user of this home has not accepted: source and digest, for Trust. */
  readonly unaccepted: readonly string[];
}

/** Loads them. @throws MoatError when one is not locked, not installed, or was changed */
export async function loadProjectPlugins(
  { plugins }: Pick<ProjectConfig, "plugins">,
  { project, context }: {
    readonly project: { readonly path: string };
    readonly context: Context;
  },
): Promise<ProjectPlugins> {
  if (plugins.length === 0) return { registry: context.registry, unaccepted: [] };
  const [{ readLock, settleLock }, { loadLockedPlugin }, { Registry }, { Store }] = await Promise
    .all([
      import("./install/plugin_lock.ts"),
      import("./install/load_locked_plugin.ts"),
      import("./registry.ts"),
      import("../store/store.ts"),
    ]);
  const locked = settleLock(await readLock(project.path), plugins);
  using store = Store.openExisting(context.paths);
  const loaded: Plugin[] = [];
  const unaccepted: string[] = [];
  for (const source of plugins) {
    const entry = locked.find((one) => one.source === source);
    if (entry?.digest === undefined) {
      throw new MoatError(`Cannot use plugin "${source}": moat.lock does not have it`, {
        hint: "moat plugin install",
      });
    }
    const { id, digest } = entry;
    const plugin = await loadLockedPlugin({ ...entry, digest }, context);
    loaded.push(plugin);
    if (store?.isPluginAccepted(digest) === true) continue;
    // Planning asks it, before anybody can be asked for the project's trust.
    if (plugin.ask !== undefined) {
      throw new MoatError(`Cannot use plugin "${id}": it is code that you did not accept`, {
        hint: "moat plugin install",
      });
    }
    unaccepted.push(`${source} ${digest}`);
  }
  refuseTaken(loaded, context.registry);
  return {
    registry: new Registry([
      ...context.registry.list("runtime"),
      ...context.registry.list("dependency"),
      ...context.registry.list("provider"),
      ...loaded,
    ]),
    unaccepted,
  };
}

function refuseTaken(plugins: readonly Plugin[], registry: Registry<Plugin>): void {
  const seen = new Set<string>();
  for (const { kind, id } of plugins) {
    if (registry.find(kind, id) !== undefined || seen.has(id)) {
      throw new MoatError(`Cannot use plugin "${id}": that name is another plugin's already`, {
        hint: `moat plugin remove ${id}`,
      });
    }
    seen.add(id);
  }
}
