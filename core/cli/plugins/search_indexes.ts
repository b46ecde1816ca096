/**
 * `moat plugin search` beyond what is part of moat: the indexes of the home's configuration.
 *
 * @module
 */

import { loadHomeConfig } from "../../config/load_home_config.ts";
import type { Context } from "../../context.ts";
import { describeError } from "../../errors.ts";
import { type PluginRegistry, readPluginIndex } from "../../plugin/install/plugin_index.ts";
import type { ManifestPermissions } from "../../plugin/permissions.ts";
import { Store } from "../../store/store.ts";
import { alignColumns, printable } from "../table.ts";

/** A plugin of an index, as `--json` prints it beside those of moat. */
export interface FoundPlugin {
  readonly name: string;
  /** Newest release that was not withdrawn. */
  readonly version: string;
  readonly released: string;
  readonly summary: string;
  /** What its code may have; `null` where nothing is asked for. */
  readonly permissions: ManifestPermissions | null;
  /** Where its index is. */
  readonly index: string;
}

/** Plugins whose name or summary has the word. An index that fails is told, and left out. */
export async function searchIndexes(
  word: string,
  context: Context,
): Promise<readonly FoundPlugin[]> {
  const { registries } = await loadHomeConfig(context.paths);
  if (registries.length === 0) return [];
  using store = Store.open(context.paths);
  const found = await Promise.all(
    registries.map((registry) => searchOne(registry, { word, context, store })),
  );
  return found.flat();
}

async function searchOne(
  registry: PluginRegistry,
  { word, context, store }: {
    readonly word: string;
    readonly context: Context;
    readonly store: Store;
  },
): Promise<readonly FoundPlugin[]> {
  const { signal, stdio } = context;
  try {
    const { location, plugins } = await readPluginIndex(registry, { store, signal });
    return Object.entries(plugins).flatMap(([name, { summary, releases }]) => {
      const newest = releases.find(({ yanked }) => yanked === undefined);
      const matches = `${name} ${summary}`.toLowerCase().includes(word.toLowerCase());
      if (newest === undefined || !matches) return [];
      const { version, released, permissions = null } = newest;
      return [{ name, version, released, summary, permissions, index: location }];
    });
  } catch (error) {
    signal.throwIfAborted();
    await stdio.error(`note: ${describeError(error)}\n`);
    return [];
  }
}

/** The list for people; nothing where nothing was found. */
export function renderFound(plugins: readonly FoundPlugin[]): string {
  if (plugins.length === 0) return "";
  const rows = plugins.map(({ name, version, summary, index }) =>
    [`  ${name}`, version, `${summary} (${index})`].map(printable)
  );
  return `From indexes\n${alignColumns(rows).join("\n")}\n`;
}
