/**
 * What one dependency adds to a plan, as data.
 *
 * The planner merges contributions and knows no dependency by name. Third-party manifests have the
 * same shape with placeholders.
 *
 * @module
 */

import type { AbilityName, ContextFile, Mount } from "./runtime.ts";

/** One parsed and resolved entry of `dependencies:`. */
export interface DependencyEntry {
  /** As written by the user, for messages. */
  readonly text: string;
  /** Plugin id: `node`, `docker`; the family `npm:` for `npm:pkg`, as `npm` is a tool of its own. */
  readonly id: string;
  /** Behind the colon: the package of a dynamic entry, or a mode. */
  readonly argument?: string;
  /** As asked, such as `22`; absent when none was. */
  readonly requested?: string;
  /** Exact version, or the line where the catalogue has no exact one; absent when unversioned. */
  readonly version?: string;
  /** The catalogue's pin of `version`, where it has one. */
  readonly pin?: Pin;
  /** Names the entry that needed this one, when the user did not write it. */
  readonly neededBy?: string;
}

/** A version in a catalogue, and how it was obtained. */
export interface Pin {
  readonly version: string;
  /** SHA-256 of the vendor's file, by architecture. */
  readonly sha256?: { readonly amd64?: string; readonly arm64?: string };
  /** The ecosystem's own checksum, such as npm's `sha512-…` or Go's `h1:…`. */
  readonly integrity?: string;
  /** The command that produced this pin, and its day, such as `2026-01-31`. */
  readonly source?: string;
  readonly date?: string;
}

/** What an image is built for. */
export interface Target {
  readonly arch: "amd64" | "arm64";
  /** The Debian release of the base, such as `bookworm`. */
  readonly suite: string;
  /** Ids of all dependencies of this run, resolved: lets one adapt to another. */
  readonly present: readonly string[];
}

/** The order of layers, from rarely to often changing. */
export const LAYER_ORDER = [
  "base",
  "user",
  "apt",
  "language",
  "binary",
  "npm",
  "go",
  "custom",
  "dynamic",
  "hook",
] as const;

/** Where a layer goes. */
export type LayerGroup = typeof LAYER_ORDER[number];

/** What every layer says. */
interface LayerPlace {
  readonly group: LayerGroup;
}

/** One step of the image. Arguments are exact words; they are quoted when rendered. */
export type Layer =
  | LayerPlace & {
    readonly kind: "run";
    readonly as: "root" | "user";
    /** A shell script of the plugin, `sh -eu`; other values reach it only through `env`. */
    readonly script: string;
    /** Values the script reads as "$NAME". */
    readonly env?: Readonly<Record<string, string>>;
    /** Directories kept between builds where BuildKit builds. */
    readonly cacheMounts?: readonly string[];
  }
  | LayerPlace & {
    readonly kind: "exec";
    readonly as: "root" | "user";
    /** Program and arguments, exact; no shell sees them. */
    readonly command: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cacheMounts?: readonly string[];
  }
  | LayerPlace & {
    readonly kind: "download";
    readonly url: string;
    /** How the file is checked before anything of it is used. */
    readonly check: DownloadCheck;
    readonly archive: "none" | "tar.gz" | "tar.xz" | "zip";
    /** Programs to install, mode 0755; `from` is a path in the archive, whatever for `none`. */
    readonly install: readonly { readonly from: string; readonly to: string }[];
  }
  | LayerPlace & {
    readonly kind: "copy-from";
    readonly image: string;
    readonly paths: readonly { readonly from: string; readonly to: string }[];
  };

/** How a downloaded file is checked. */
export type DownloadCheck =
  /** The pin of the catalogue, 64 hex digits. */
  | { readonly kind: "sha256"; readonly sha256: string }
  /**
   * The vendor's published sums, fetched at build time: a list of `sum  name` lines (as sha256sum
   * writes it), the BSD form, or the sum alone. `name` is the file's name in the list.
   */
  | {
    readonly kind: "sums";
    readonly url: string;
    readonly format: "list" | "bsd" | "bare";
    readonly name: string;
  }
  /** The vendor publishes no sums: only the transport is checked, which is a warning. */
  | { readonly kind: "none" };

/** All that a dependency may add; every field is optional. */
export interface Contribution {
  /**
   * Makes this dependency a language. When it is the only one, this image is the base, and the
   * contribution's `apt`, `files` and layers of the group `language` are left out.
   */
  readonly baseImage?: string;
  /** Debian packages, installed together with those of all others. */
  readonly apt?: readonly string[];
  readonly layers?: readonly Layer[];
  /** Files put into the build context and copied: path inside the image to content. */
  readonly files?: Readonly<Record<string, ContextFile>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Directories put in front of PATH. */
  readonly path?: readonly string[];
  readonly mounts?: readonly Mount[];
  readonly groups?: readonly number[];
  readonly needs?: readonly AbilityName[];
  readonly privileged?: boolean;
  readonly warnings?: readonly string[];
}

/** A contribution and the entry it comes from. */
export interface ContributionOf {
  readonly entry: DependencyEntry;
  readonly contribution: Contribution;
}

/** Looks at the host's tools; commands run with a deadline and an empty input. */
export interface HostProbe {
  /** The real path of a program on PATH, or `undefined`. */
  which(program: string): Promise<string | undefined>;
  /** The directory on PATH that has it, as it stands there; its entry may be a link. */
  directoryOf(program: string): Promise<string | undefined>;
  /** The host's system, for hints. */
  readonly os: "linux" | "darwin";
  /**
   * Runs a program and returns the first line of its standard output that is not empty, or
   * `undefined` when it cannot be run, fails or takes too long.
   */
  firstLine(program: string, args: readonly string[]): Promise<string | undefined>;
}

/** Whether the host has a dependency. */
export type HostFinding =
  | {
    readonly kind: "found";
    readonly version?: string;
    /** Real directories to show read-only inside. */
    readonly paths: readonly string[];
    /** Directories to put in front of PATH inside. */
    readonly bin: readonly string[];
  }
  | { readonly kind: "missing"; readonly reason: string; readonly hint: string };
