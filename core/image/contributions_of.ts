/**
 * Asks the plugins of resolved entries what they add.
 *
 * @module
 */

import type { DependencyPlugin, Plugin } from "../plugin/contract.ts";
import type { ContributionOf, DependencyEntry, Target } from "../plugin/contribution.ts";
import type { Registry } from "../plugin/registry.ts";

/** The contributions of `entries`, in their order. Pure. @throws UsageError naming the entry */
export function contributionsOf(
  entries: readonly DependencyEntry[],
  registry: Registry<Plugin>,
  target: Omit<Target, "present">,
): readonly ContributionOf[] {
  const present = entries.map(({ id }) => id);
  return pluginsOf(entries, registry).map(({ entry, plugin }) => ({
    entry,
    contribution: plugin.contribute(entry, { ...target, present }),
  }));
}

/** The same where some of the plugins are code from elsewhere, which is asked in a sandbox. */
export async function askContributions(
  entries: readonly DependencyEntry[],
  registry: Registry<Plugin>,
  target: Omit<Target, "present">,
): Promise<readonly ContributionOf[]> {
  const present = entries.map(({ id }) => id);
  return await Promise.all(
    pluginsOf(entries, registry).map(async ({ entry, plugin }) => {
      const question = { entry, target: { ...target, present } };
      if (plugin.ask === undefined) {
        return { entry, contribution: plugin.contribute(entry, question.target) };
      }
      const [contribution = {}] = await plugin.ask([question]);
      return { entry, contribution };
    }),
  );
}

/** The base image that one of the entries needs where the project names none, if any does. Pure. */
export function neededBase(
  entries: readonly DependencyEntry[],
  registry: Registry<Plugin>,
  target: Pick<Target, "dockerPackages">,
): string | undefined {
  return pluginsOf(entries, registry)
    .map(({ entry, plugin }) => plugin.base?.(entry, target))
    .find((base) => base !== undefined);
}

function pluginsOf(
  entries: readonly DependencyEntry[],
  registry: Registry<Plugin>,
): readonly { readonly entry: DependencyEntry; readonly plugin: DependencyPlugin }[] {
  const plugins = new Map(registry.list("dependency").map((plugin) => [plugin.id, plugin]));
  return entries.map((entry) => ({
    entry,
    plugin: plugins.get(entry.id) ?? registry.get("dependency", entry.id),
  }));
}
