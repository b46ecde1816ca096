/**
 * From entries as written to the list of what is really needed: names looked up, meta entries
 * expanded, versions resolved, requirements added, duplicates and conflicts settled.
 *
 * Pure and offline. The result does not depend on the order of the entries.
 *
 * @module
 */

import { nearest } from "../nearest.ts";
import type { DependencyPlugin, Plugin } from "../plugin/contract.ts";
import type { DependencyEntry } from "../plugin/contribution.ts";
import { parseEntry, parsePackage, refuse } from "../plugin/dependency_entry.ts";
import { resolveVersion } from "../plugin/dependency_version.ts";
import { PACKAGE_GRAMMARS } from "../plugin/package_grammar.ts";
import type { Registry } from "../plugin/registry.ts";

/** An entry on its way, with what identifies "the same thing". */
interface Candidate {
  readonly key: string;
  readonly entry: DependencyEntry;
}

/**
 * The entries behind `texts`, sorted by id and argument.
 *
 * @throws UsageError naming the entry, and the nearest known name where there is one
 */
export function resolveDependencies(
  texts: readonly string[],
  registry: Registry<Plugin>,
): readonly DependencyEntry[] {
  const plugins = new Map(registry.list("dependency").map((plugin) => [plugin.id, plugin]));
  const chosen = new Map<string, DependencyEntry>();
  for (const text of texts) {
    for (const candidate of expand(text, plugins)) settle(candidate, chosen);
  }
  addRequired(chosen, plugins);
  return [...chosen].sort(([a], [b]) => compare(a, b)).map(([, entry]) => entry);
}

function expand(
  text: string,
  plugins: ReadonlyMap<string, DependencyPlugin>,
  neededBy?: string,
): readonly Candidate[] {
  const { name, rest, requested } = parseEntry(text);
  const plugin = findPlugin({ text, name, rest }, plugins);
  if (plugin.expands !== undefined) {
    if (requested !== undefined) {
      throw refuse(text, "it stands for several entries and takes no version", `Write ${name}`);
    }
    return plugin.expands.flatMap((member) => expand(member, plugins, neededBy));
  }
  const parts = splitArgument({ text, rest, requested }, plugin);
  const resolved = plugin.argument?.kind === "package"
    ? parts.requested === undefined ? {} : { version: parts.requested }
    : resolveVersion({ text, name, ...parts }, plugin.versions);
  if (plugin.notYet !== undefined) {
    throw refuse(text, plugin.notYet, "`moat deps list` shows what can be installed");
  }
  const entry = { text, id: plugin.id, ...parts, ...resolved };
  return [{
    key: keyOf(plugin, parts.argument),
    entry: neededBy === undefined ? entry : { ...entry, neededBy },
  }];
}

function findPlugin(
  { text, name, rest }: { text: string; name: string; rest: string | undefined },
  plugins: ReadonlyMap<string, DependencyPlugin>,
): DependencyPlugin {
  const family = plugins.get(`${name}:`);
  if (rest !== undefined && family !== undefined) return family;
  const plugin = plugins.get(name);
  if (plugin === undefined) throw unknownName(text, { name, plugins, family });
  if (rest !== undefined && plugin.argument === undefined) {
    throw refuse(text, `"${name}" takes nothing behind a colon`, `Write ${name}`);
  }
  return plugin;
}

function unknownName(
  text: string,
  { name, plugins, family }: {
    name: string;
    plugins: ReadonlyMap<string, DependencyPlugin>;
    family: DependencyPlugin | undefined;
  },
): Error {
  if (family?.argument?.kind === "package") {
    const { example } = PACKAGE_GRAMMARS[family.argument.grammar];
    return refuse(text, "it names no package", `Write it like ${name}:${example}`);
  }
  const guess = nearest(name, [...plugins.keys()].map((id) => id.replace(/:$/, "")));
  const hint = guess === undefined
    ? "`moat deps list` shows all that are known"
    : `Did you mean "${guess}"?`;
  return refuse(text, "there is no dependency of that name", hint);
}

function splitArgument(
  { text, rest, requested }: {
    text: string;
    rest: string | undefined;
    requested: string | undefined;
  },
  { id, argument }: DependencyPlugin,
): { readonly argument?: string; readonly requested?: string } {
  switch (argument?.kind) {
    case undefined:
      return requested === undefined ? {} : { requested };
    case "package":
      return parsePackage(text, rest ?? "", argument.grammar);
    case "mode": {
      const modes = argument.modes.map((mode) => `${id}:${mode}`).join(" or ");
      if (rest === undefined) throw refuse(text, "it needs a mode", `Write ${modes}`);
      if (!argument.modes.includes(rest)) {
        throw refuse(text, `"${rest}" is not one of its modes`, `Write ${modes}`);
      }
      return { argument: rest };
    }
  }
}

function keyOf({ id, argument }: DependencyPlugin, value: string | undefined): string {
  if (argument?.kind !== "package" || value === undefined) return id;
  return `${id}${PACKAGE_GRAMMARS[argument.grammar].identity?.(value) ?? value}`;
}

/** An entry without a version yields to one with; two different ones are a conflict. */
function settle({ key, entry }: Candidate, chosen: Map<string, DependencyEntry>): void {
  const present = chosen.get(key);
  if (present === undefined || (present.requested === undefined && entry.requested !== undefined)) {
    if (present === undefined || present.argument === entry.argument) {
      chosen.set(key, entry);
      return;
    }
  }
  if (present.argument === entry.argument) {
    if (entry.requested === undefined || present.version === entry.version) return;
  }
  throw refuse(
    entry.text,
    `"${present.text}" asks for another one of the same`,
    `Remove one of "${present.text}" and "${entry.text}"`,
  );
}

function addRequired(
  chosen: Map<string, DependencyEntry>,
  plugins: ReadonlyMap<string, DependencyPlugin>,
): void {
  const queue = [...chosen.values()];
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
    for (const name of plugins.get(entry.id)?.requires ?? []) {
      if (chosen.has(name)) continue;
      for (const candidate of expand(name, plugins, entry.text)) {
        if (chosen.has(candidate.key)) continue;
        chosen.set(candidate.key, candidate.entry);
        queue.push(candidate.entry);
      }
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
