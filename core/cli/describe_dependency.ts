/**
 * Dependencies for people and programs: what `moat deps` prints.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { DependencyCategory, DependencyPlugin } from "../plugin/contract.ts";
import type { Pin } from "../plugin/contribution.ts";
import { PACKAGE_GRAMMARS } from "../plugin/package_grammar.ts";
import { alignColumns } from "./table.ts";

/** A dependency as `--json` prints it; keys stay. */
export interface DependencyDescription {
  /** As it is written, without a version: `node`, `npm:<package>`, `docker:host`. */
  readonly name: string;
  readonly id: string;
  readonly category: DependencyCategory;
  readonly summary: string;
  readonly origin: string | null;
  /** Why it cannot be used yet. */
  readonly notYet: string | null;
  readonly commands: readonly string[];
  readonly requires: readonly string[];
  readonly expands: readonly string[];
  /** Taken when no version is asked for. */
  readonly default: string | null;
  readonly versions: readonly DependencyVersionDescription[];
  /** Whether full versions beyond `versions` can be asked for. */
  readonly open: boolean;
  readonly example: string;
}

/** A version of the catalogue. */
export interface DependencyVersionDescription {
  readonly version: string;
  readonly pinned: boolean;
  readonly sha256: { readonly amd64?: string; readonly arm64?: string } | null;
  readonly integrity: string | null;
  /** The command that told the pin, and its day. */
  readonly source: string | null;
  readonly date: string | null;
}

/** Headings of the list, in its order. */
const HEADINGS: readonly (readonly [DependencyCategory, string])[] = [
  ["language", "Languages"],
  ["package manager", "Package managers"],
  ["tool", "Tools"],
  ["agent", "Agents"],
  ["docker", "Docker"],
  ["service", "Services"],
  ["meta", "Groups of entries"],
  ["dynamic", "Packages by name"],
];

/** Describes a plugin. */
export function describeDependency(plugin: DependencyPlugin): DependencyDescription {
  const { versions, argument } = plugin;
  const base = plugin.id.replace(/:$/, "");
  const wanted = versions?.default;
  const chosen = wanted === undefined ? undefined : newestOf(wanted, versions?.known ?? []);
  return {
    name: nameOf(plugin),
    id: plugin.id,
    category: plugin.category,
    summary: plugin.summary,
    origin: plugin.origin ?? null,
    notYet: plugin.notYet ?? null,
    commands: plugin.commands ?? [],
    requires: plugin.requires ?? [],
    expands: plugin.expands ?? [],
    default: chosen?.version ?? wanted ?? null,
    versions: (versions?.known ?? []).map(describeVersion),
    open: versions !== undefined && versions.open !== false,
    example: argument?.kind === "package"
      ? `${base}:${PACKAGE_GRAMMARS[argument.grammar].example}`
      : argument?.kind === "mode"
      ? `${base}:${argument.modes[0] ?? ""}`
      : versions?.known[0] === undefined
      ? base
      : `${base}@${(chosen ?? versions.known[0]).version}`,
  };
}

/** The dependency of that name. @throws UsageError with the nearest name */
export function findDependency(
  name: string,
  plugins: readonly DependencyPlugin[],
): DependencyPlugin {
  const id = /^[^@:]*:?/.exec(name)?.[0] ?? name;
  const found = plugins.find((plugin) => plugin.id === id) ??
    plugins.find((plugin) => plugin.id === id.replace(/:$/, "") && plugin.argument !== undefined) ??
    plugins.find((plugin) => plugin.id === `${id}:`);
  if (found !== undefined) return found;
  const guess = nearest(id, plugins.map((plugin) => plugin.id));
  throw new UsageError(`Cannot describe dependency ${JSON.stringify(name)}: it is not known`, {
    hint: guess === undefined ? "moat deps list" : `moat deps info ${guess}`,
  });
}

/** The list, by category; columns are aligned through all of it. */
export function renderDependencyList(plugins: readonly DependencyPlugin[]): string {
  const rows = HEADINGS.flatMap(([category]) =>
    plugins.filter((plugin) => plugin.category === category).map(describeDependency)
  );
  const lines = alignColumns(rows.map((row) => [
    `  ${row.name}`,
    row.default ?? "",
    row.notYet === null ? row.summary : `${row.summary} (not yet)`,
  ]));
  const sections = HEADINGS.flatMap(([category, heading]) => {
    const members = lines.filter((_, index) => rows[index]?.category === category);
    return members.length === 0 ? [] : [[heading, ...members].join("\n")];
  });
  return `${sections.join("\n\n")}\n`;
}

/** Everything about one, a line each. */
export function renderDependency(plugin: DependencyPlugin): string {
  const about = describeDependency(plugin);
  const fact = (label: string, text: string | null): readonly (readonly string[])[] =>
    text === null || text === "" ? [] : [[label, text]];
  const lines = alignColumns([
    ...fact("name", about.name),
    ...fact("summary", about.summary),
    ...fact("category", about.category),
    ...fact("not yet", about.notYet),
    ...fact("from", about.origin),
    ...fact("commands", about.commands.join(", ")),
    ...fact("needs", about.requires.join(", ")),
    ...fact("stands for", about.expands.join(", ")),
    ...fact("default", about.default),
    ...about.versions.flatMap((version, index) =>
      fact(index === 0 ? "versions" : "", renderVersion(version))
    ),
    ...fact("", about.open && about.versions.length > 0 ? "others, written in full" : null),
    ...fact("example", `dependencies: [${JSON.stringify(about.example)}]`),
  ]);
  return `${lines.join("\n")}\n`;
}

function nameOf({ id, argument }: DependencyPlugin): string {
  if (argument?.kind === "package") return `${id}<package>`;
  if (argument?.kind === "mode") return argument.modes.map((mode) => `${id}:${mode}`).join(", ");
  return id;
}

function newestOf(wanted: string, known: readonly Pin[]): Pin | undefined {
  return known.find(({ version }) => version === wanted || version.startsWith(`${wanted}.`));
}

function describeVersion(
  { version, sha256, integrity, source, date }: Pin,
): DependencyVersionDescription {
  return {
    version,
    pinned: sha256 !== undefined || integrity !== undefined,
    sha256: sha256 ?? null,
    integrity: integrity ?? null,
    source: source ?? null,
    date: date ?? null,
  };
}

function renderVersion({ version, pinned, source, date }: DependencyVersionDescription): string {
  if (!pinned) return `${version}  unpinned`;
  return `${version}  pinned ${date ?? ""} by: ${source ?? ""}`;
}
