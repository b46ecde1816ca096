/**
 * From the version asked for to the version used, offline, out of a plugin's catalogue.
 *
 * @module
 */

import type { DependencyVersions } from "./contract.ts";
import type { Pin } from "./contribution.ts";
import { refuse } from "./dependency_entry.ts";

/** A version and its pin, as the catalogue knows it. */
export interface ResolvedVersion {
  readonly version?: string;
  readonly pin?: Pin;
}

/** The entry whose version is wanted; `name` is how it is written without a version. */
export interface VersionQuestion {
  readonly text: string;
  readonly name: string;
  readonly requested?: string;
}

/**
 * The newest known version of the line asked for; a full version that the catalogue does not list
 * passes where the plugin is open to it. @throws UsageError naming what is known
 */
export function resolveVersion(
  { text, name, requested }: VersionQuestion,
  versions: DependencyVersions | undefined,
): ResolvedVersion {
  if (versions === undefined) {
    if (requested === undefined) return {};
    throw refuse(text, "it takes no version", `Write ${name}`);
  }
  const wanted = (requested ?? versions.default)?.replace(/^v(?=[0-9])/, "");
  if (wanted === undefined) return {};
  if (versions.channels?.includes(wanted)) return { version: wanted };
  const pin = newestOf(wanted, versions.known);
  if (pin !== undefined) return { version: pin.version, pin };
  if (versions.open !== false && isOpenTo(wanted, versions.open.minParts)) {
    return { version: wanted };
  }
  throw refuse(text, `the catalogue has no version ${wanted}`, knownHint(name, versions));
}

/** Whether a found version is of the line asked for: `22` is matched by `22.3.1`, not by `2`. */
export function isOfLine(found: string, line: string): boolean {
  return found === line || found.startsWith(`${line}.`);
}

function newestOf(wanted: string, known: readonly Pin[]): Pin | undefined {
  return known.find(({ version }) => version === wanted) ??
    known.find(({ version }) => isOfLine(version, wanted));
}

function isOpenTo(wanted: string, minParts: number): boolean {
  return /^[0-9]/.test(wanted) && wanted.replace(/[-+].*$/, "").split(".").length >= minParts;
}

function knownHint(name: string, versions: DependencyVersions): string {
  const known = [...(versions.channels ?? []), ...versions.known.map(({ version }) => version)];
  const list = known.length === 0 ? "" : `Known: ${known.join(", ")}`;
  if (versions.open === false) return list;
  const full = { 1: `${name}@1`, 2: `${name}@1.2`, 3: `${name}@1.2.3` }[versions.open.minParts];
  return [
    list,
    `a version with all its numbers, as in ${full}, can be asked for without being known`,
  ]
    .filter((part) => part !== "").join("; ");
}
