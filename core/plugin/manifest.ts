/**
 * A dependency as data alone: the declarative form of `moat-plugin.yaml`.
 *
 * It is the shape of a `Contribution` with placeholders such as `{version}`, which become parts of
 * words and values, never of scripts. First-party entries are values of this type; files of others
 * come through `read_manifest.ts`.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { DependencyCategory, DependencyPlugin, DependencyVersions } from "./contract.ts";
import type {
  Contribution,
  DependencyEntry,
  DownloadCheck,
  Layer,
  LayerGroup,
  Pin,
  Target,
} from "./contribution.ts";
import { findServer } from "./host_server.ts";
import { findTool } from "./host_tool.ts";
import { contributeService, type ManifestService } from "./manifest_service.ts";
import { type ManifestPermissions, permissionsOf } from "./permissions.ts";
import { fill, type PlaceholderValues } from "./placeholder.ts";
import type { ContextFile } from "./runtime.ts";

/** A manifest of kind `dependency`. */
export interface Manifest {
  readonly schema: 1;
  readonly kind: "dependency";
  readonly id: string;
  /** The plugin's own version; there in every plugin that is installed from elsewhere. */
  readonly version?: string;
  readonly summary: string;
  /** SPDX expression, such as `MIT`. */
  readonly license?: string;
  readonly homepage?: string;
  /** The oldest moat that it works with, such as `0.2.0`. */
  readonly moat?: string;
  readonly category: Exclude<DependencyCategory, "docker" | "dynamic">;
  readonly origin?: string;
  readonly versions?: ManifestVersions;
  readonly requires?: readonly string[];
  readonly expands?: readonly string[];
  readonly commands?: readonly string[];
  /** The vendor's words for the architectures, for `{vendor_arch}`. */
  readonly architectures?: { readonly amd64: string; readonly arm64: string };
  /** How the host's tool says its version, and how to get it. */
  readonly host?: { readonly version_args?: readonly string[]; readonly hint?: string };
  readonly contribution?: ManifestContribution;
  /** A JavaScript module of the plugin that gives the contribution, in place of `contribution`. */
  readonly entry?: string;
  /** Version of the contract that the module is written for; there when `entry` is. */
  readonly contract?: typeof CODE_CONTRACT;
  /** What the module may have of this machine; absent: nothing. */
  readonly permissions?: ManifestPermissions;
  /** The server that it is; there when the category is `service`. */
  readonly service?: ManifestService;
}

/** The version of the contract with plugins that are code. */
export const CODE_CONTRACT = 1;

/** The versions of a manifest. */
export interface ManifestVersions {
  /** Taken when none is asked for; may be partial. */
  readonly default?: string;
  /** Newest first. */
  readonly known?: readonly Pin[];
  /** Others may be asked for when they have so many numbers at least; absent: none. */
  readonly others?: 1 | 2 | 3;
  /** Names in place of numbers, such as `stable`. */
  readonly channels?: readonly string[];
}

/** Groups that a manifest's layers may be in: the others are moat's own. */
export const MANIFEST_GROUPS = [
  "apt",
  "language",
  "binary",
  "npm",
  "go",
  "custom",
  "dynamic",
] as const satisfies readonly LayerGroup[];

type ManifestGroup = typeof MANIFEST_GROUPS[number];

/** What a manifest may add; values may hold placeholders, scripts and package names may not. */
export interface ManifestContribution {
  readonly base_image?: string;
  readonly apt?: readonly string[];
  readonly layers?: readonly ManifestLayer[];
  readonly files?: Readonly<Record<string, ContextFile>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: readonly string[];
  readonly warnings?: readonly string[];
}

/** A layer of a manifest. */
export type ManifestLayer =
  | {
    readonly kind: "run";
    readonly group: ManifestGroup;
    readonly as?: "root" | "user";
    readonly script: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly cache_mounts?: readonly string[];
  }
  | {
    readonly kind: "exec";
    readonly group: ManifestGroup;
    readonly as?: "root" | "user";
    readonly command: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cache_mounts?: readonly string[];
  }
  | {
    readonly kind: "download";
    readonly group: ManifestGroup;
    readonly url: string;
    /** Used where the version has no pin in `versions`. */
    readonly check: Exclude<DownloadCheck, { readonly kind: "sha256" }>;
    readonly archive: "none" | "tar.gz" | "tar.xz" | "zip";
    readonly install: readonly { readonly from: string; readonly to: string }[];
  }
  | {
    readonly kind: "copy-from";
    readonly group: ManifestGroup;
    readonly image: string;
    readonly paths: readonly { readonly from: string; readonly to: string }[];
  };

/** The plugin that a manifest describes. */
export function createDependency(manifest: Manifest): DependencyPlugin {
  const { id, summary, category, origin, requires, expands, commands } = manifest;
  const versions = manifest.versions === undefined ? undefined : toVersions(manifest.versions);
  const permissions = permissionsOf(manifest) ?? undefined;
  const optional = { origin, versions, requires, expands, commands, permissions };
  return {
    kind: "dependency",
    id,
    summary,
    category,
    ...definedOnly(optional),
    contribute: (entry, target) => contributeManifest(manifest, entry, target),
    ...(manifest.service === undefined ? {} : {
      find: (entry, probe) => findServer(manifest.service?.host, { entry, probe }),
    }),
    ...(commands === undefined || manifest.service !== undefined ? {} : {
      find: (entry, probe) =>
        findTool({
          commands,
          ...(manifest.host?.version_args === undefined
            ? {}
            : { versionArgs: manifest.host.version_args }),
          ...(manifest.host?.hint === undefined ? {} : { hint: manifest.host.hint }),
        }, { entry, probe }),
    }),
  };
}

/** What the manifest adds for an entry. Pure. */
export function contributeManifest(
  manifest: Manifest,
  entry: DependencyEntry,
  target: Target,
): Contribution {
  const { service } = manifest;
  const { base_image, apt, layers = [], files, env, path, warnings = [] } = manifest.contribution ??
    {};
  const values = placeholderValues(manifest, entry, target);
  const text = (value: string) => fill(value, values);
  const filled = layers.map((layer) => fillLayer(layer, { text, entry, target }));
  const unchecked = filled.some((layer) =>
    layer.kind === "download" && layer.check.kind === "none"
  );
  const allWarnings = [
    ...warnings.map(text),
    ...(unchecked
      ? [`"${entry.text}" is installed without a checksum: its vendor publishes none`]
      : []),
  ];
  return {
    ...(base_image === undefined ? {} : { baseImage: text(base_image) }),
    ...(apt === undefined ? {} : { apt }),
    ...(filled.length === 0 ? {} : { layers: filled }),
    ...(files === undefined ? {} : { files }),
    ...(env === undefined ? {} : { env: fillMap(env, text) }),
    ...(path === undefined ? {} : { path: path.map(text) }),
    ...(allWarnings.length === 0 ? {} : { warnings: allWarnings }),
    ...(service === undefined ? {} : {
      services: [
        contributeService(service, { id: manifest.id, values, override: target.services }),
      ],
    }),
  };
}

function toVersions({ known = [], others, ...rest }: ManifestVersions): DependencyVersions {
  return { ...rest, known, open: others === undefined ? false : { minParts: others } };
}

function placeholderValues(
  { id, architectures }: Manifest,
  { text, version, requested, pin }: DependencyEntry,
  { arch, suite }: Target,
): PlaceholderValues {
  return {
    id,
    arch,
    suite,
    get vendor_arch() {
      if (architectures === undefined) throw missing(text, "architectures");
      return architectures[arch];
    },
    get version() {
      if (version === undefined) throw missing(text, "a default version");
      return version;
    },
    requested: requested ?? "",
    integrity: pin?.integrity ?? "",
  };
}

function missing(text: string, what: string): UsageError {
  return new UsageError(`Cannot use dependency "${text}": its manifest lacks ${what}`);
}

function fillLayer(
  layer: ManifestLayer,
  { text, entry, target }: {
    text: (value: string) => string;
    entry: DependencyEntry;
    target: Target;
  },
): Layer {
  switch (layer.kind) {
    case "run":
    case "exec": {
      const { as = "root", env, cache_mounts, ...rest } = layer;
      const options = {
        as,
        ...(env === undefined ? {} : { env: fillMap(env, text) }),
        ...(cache_mounts === undefined ? {} : { cacheMounts: cache_mounts }),
      };
      if (rest.kind === "run") return { ...rest, ...options };
      return { ...rest, ...options, command: rest.command.map(text) };
    }
    case "download": {
      const sha256 = entry.pin?.sha256?.[target.arch];
      return {
        ...layer,
        url: text(layer.url),
        check: sha256 === undefined ? fillCheck(layer.check, text) : { kind: "sha256", sha256 },
        install: layer.install.map(({ from, to }) => ({ from: text(from), to: text(to) })),
      };
    }
    case "copy-from":
      return {
        ...layer,
        image: text(layer.image),
        paths: layer.paths.map(({ from, to }) => ({ from: text(from), to: text(to) })),
      };
  }
}

function fillCheck(check: DownloadCheck, text: (value: string) => string): DownloadCheck {
  if (check.kind !== "sums") return check;
  return { ...check, url: text(check.url), name: text(check.name) };
}

function fillMap(
  map: Readonly<Record<string, string>>,
  text: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, text(value)]));
}

/** The fields that are there, for types where absent and undefined differ. */
function definedOnly<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const result: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const key in fields) {
    const value = fields[key];
    if (isDefined(value)) result[key] = value;
  }
  return result;
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}
