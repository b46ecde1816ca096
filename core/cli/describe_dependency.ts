/**
 * Dependencies for people and programs: what `moat deps` prints.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { DependencyCategory, DependencyPlugin } from "../plugin/contract.ts";
import type { Pin, Target } from "../plugin/contribution.ts";
import { describePermissions, type ManifestPermissions } from "../plugin/permissions.ts";
import { PACKAGE_GRAMMARS } from "../plugin/package_grammar.ts";
import { alignColumns, printable } from "./table.ts";

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
  /** What its code may have of this machine; there for plugins that are code from elsewhere. */
  readonly permissions: ManifestPermissions | null;
  /** Taken when no version is asked for. */
  readonly default: string | null;
  readonly versions: readonly DependencyVersionDescription[];
  /** Whether full versions beyond `versions` can be asked for. */
  readonly open: boolean;
  readonly example: string;
  /** What runs beside the run; there for services. */
  readonly service: ServiceDescription | null;
}

/** A service with its default version. */
export interface ServiceDescription {
  readonly image: string;
  readonly port: number;
  /** How it is seen to be ready: `postgres`, `http`, … */
  readonly ready: string;
  /** Names of the variables that the run gets. */
  readonly variables: readonly string[];
  /** Whether its data can be filled from files of the project. */
  readonly seed: boolean;
  /** Whether its data can be kept between runs. */
  readonly keep: boolean;
  /** Programs of this machine that run it where there is no engine; empty: none do. */
  readonly programs: readonly string[];
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
    permissions: plugin.permissions ?? null,
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
    service: describeService(plugin),
  };
}

function describeService(plugin: DependencyPlugin): ServiceDescription | null {
  const { id, category, versions } = plugin;
  if (category !== "service") return null;
  const version = versions?.default;
  const entry = { text: id, id, ...(version === undefined ? {} : { version }) };
  // What services contribute is the same on every machine.
  const target: Target = { arch: "amd64", suite: "bookworm", present: [id] };
  const [service] = plugin.contribute(entry, target).services ?? [];
  if (service === undefined) return null;
  const { image, port, ready, variables, data, host } = service;
  return {
    image,
    port,
    ready: ready.kind,
    variables: Object.keys(variables),
    seed: data?.seed !== undefined,
    keep: data !== undefined,
    programs: host?.programs ?? [],
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
  const { service } = about;
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
    ...(about.permissions === null
      ? []
      : describePermissions(about.permissions).map((text, index) => [
        index === 0 ? "may" : "",
        printable(text),
      ])),
    ...fact("default", about.default),
    ...about.versions.flatMap((version, index) =>
      fact(
        index === 0 ? "versions" : "",
        service === null ? renderVersion(version) : version.version,
      )
    ),
    ...fact("", othersText(about)),
    ...(service === null ? [] : serviceFacts(service)),
    ...fact("example", `dependencies: [${JSON.stringify(about.example)}]`),
  ]);
  return `${lines.join("\n")}\n`;
}

function othersText({ open, versions, service }: DependencyDescription): string | null {
  if (!open || versions.length === 0) return null;
  return service === null ? "others, written in full" : "others that its image has as tags";
}

function serviceFacts(
  { image, port, variables, seed, keep, programs }: ServiceDescription,
): readonly (readonly string[])[] {
  const can = [...(seed ? ["seed:"] : []), ...(keep ? ["keep:"] : [])].join(", ");
  return [
    ["image", image],
    ["port", String(port)],
    ...variables.map((name, index) => [index === 0 ? "variables" : "", name]),
    ...(can === "" ? [] : [["takes", can]]),
    ["local", programs.length === 0 ? "not without an engine" : `this machine's ${programs[0]}`],
  ];
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
