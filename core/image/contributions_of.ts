/**
 * Asks the plugins of resolved entries what they add.
 *
 * @module
 */

import type { Plugin } from "../plugin/contract.ts";
import type { ContributionOf, DependencyEntry, Target } from "../plugin/contribution.ts";
import type { Registry } from "../plugin/registry.ts";

/** The contributions of `entries`, in their order. Pure. @throws UsageError naming the entry */
export function contributionsOf(
  entries: readonly DependencyEntry[],
  registry: Registry<Plugin>,
  target: Omit<Target, "present">,
): readonly ContributionOf[] {
  const plugins = new Map(registry.list("dependency").map((plugin) => [plugin.id, plugin]));
  const present = entries.map(({ id }) => id);
  return entries.map((entry) => {
    const plugin = plugins.get(entry.id) ?? registry.get("dependency", entry.id);
    return { entry, contribution: plugin.contribute(entry, { ...target, present }) };
  });
}
