/**
 * Programs from their vendors' release pages, as manifests: one row each.
 *
 * A pinned version is checked against the catalogue, another one against the sums that the vendor
 * publishes. Where Debian has the program too, its package is taken unless a version is asked for.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import type { Contribution, DownloadCheck, Pin } from "../../core/plugin/contribution.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import pins from "./catalogue/release.json" with { type: "json" };

/** A program of a release page; texts may hold placeholders. */
export interface Release {
  readonly id: string;
  readonly summary: string;
  readonly category?: Manifest["category"];
  /** The vendor's repository, or where else the files are. */
  readonly from: { readonly github: string; readonly tag: string } | { readonly url: string };
  /** Name of the file. */
  readonly file: string;
  readonly archive: "none" | "tar.gz" | "tar.xz" | "zip";
  readonly architectures: { readonly amd64: string; readonly arm64: string };
  /** The file of sums beside it; absent: the vendor publishes none. */
  readonly sums?: { readonly file: string; readonly format: "list" | "bsd" | "bare" };
  /** Path in the archive of each program. @default { [id]: id } */
  readonly programs?: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
  /** Debian's package, and the name of its program where that differs. */
  readonly debian?: { readonly package: string; readonly program?: string };
  readonly versionArgs?: readonly string[];
}

const BIN = "/usr/local/bin";

/** The manifest of a row. */
export function releaseManifest(release: Release): Manifest {
  const { id, summary, category = "tool", architectures, requires, versionArgs } = release;
  const { from, file, archive, sums, programs = { [id]: id } } = release;
  const place = "url" in from
    ? from.url
    : `https://github.com/${from.github}/releases/download/${from.tag}`;
  const check: Exclude<DownloadCheck, { kind: "sha256" }> = sums === undefined
    ? { kind: "none" }
    : { kind: "sums", url: `${place}/${sums.file}`, format: sums.format, name: file };
  const all: Readonly<Record<string, readonly Pin[]>> = pins;
  const known = all[id] ?? [];
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary,
    category,
    origin: "url" in from ? `release of ${new URL(from.url).host}` : `release of ${from.github}`,
    ...(requires === undefined ? {} : { requires }),
    commands: Object.keys(programs),
    architectures,
    versions: {
      ...(known[0] === undefined ? {} : { default: known[0].version }),
      known,
      others: 2,
    },
    ...(versionArgs === undefined ? {} : { host: { version_args: versionArgs } }),
    contribution: {
      layers: [{
        kind: "download",
        group: "binary",
        url: `${place}/${file}`,
        check,
        archive,
        install: Object.entries(programs).map(([program, path]) => ({
          from: path,
          to: `${BIN}/${program}`,
        })),
      }],
    },
  };
}

/** The plugin of a row. */
export function releaseTool(release: Release): DependencyPlugin {
  const plugin = createDependency(releaseManifest(release));
  const { debian } = release;
  if (debian === undefined) return plugin;
  const program = Object.keys(release.programs ?? { [release.id]: "" })[0] ?? release.id;
  const { default: _newest, ...versions } = plugin.versions ?? { known: [], open: false };
  return {
    ...plugin,
    versions,
    origin: `Debian package ${debian.package}; with a version, ${plugin.origin}`,
    contribute(entry, target) {
      if (entry.requested !== undefined) return plugin.contribute(entry, target);
      return fromDebian(debian, program);
    },
  };
}

/** Debian's package, under the program's usual name. */
function fromDebian(
  debian: { readonly package: string; readonly program?: string },
  program: string,
): Contribution {
  const apt = [debian.package];
  if (debian.program === undefined) return { apt };
  const command = ["ln", "-sf", `/usr/bin/${debian.program}`, `${BIN}/${program}`];
  return { apt, layers: [{ kind: "exec", group: "apt", as: "root", command }] };
}
