/**
 * What one dependency adds to a plan, as data.
 *
 * The planner merges contributions and knows no dependency by name. Third-party manifests have the
 * same shape with placeholders.
 *
 * @module
 */

import type { AbilityName, ContextFile, HostSocketFacts, Isolation, Mount } from "./runtime.ts";

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
  /** What the runtime was found to be; absent where none is chosen yet, as for `moat deps info`. */
  readonly hostSocket?: HostSocketFacts | { readonly missing: string };
  /** Where Docker's packages come from (`docker.packages` of the home's configuration). */
  readonly dockerPackages?: "docker" | "debian";
  /** False: builds inside a run leave no cache for the next one (`docker.build_cache` there). */
  readonly dockerBuildCache?: boolean;
  /** Moat's own environment, for variables that set a dependency up; absent where nothing runs. */
  readonly hostEnv?: Readonly<Record<string, string>>;
  /** What the project overrides of services, by name. */
  readonly services?: Readonly<Record<string, ServiceOverride>>;
}

/** An entry of `services:`, as far as it changes what a plugin contributes. */
export interface ServiceOverride {
  readonly image?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly models?: readonly string[];
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

/** How it is seen that a companion is ready; `port` is one inside it. */
export type ReadyProbe =
  /** PostgreSQL's start-up message is answered. */
  | { readonly kind: "postgres"; readonly port: number }
  /** MySQL's and MariaDB's handshake comes. */
  | { readonly kind: "mysql"; readonly port: number }
  /** `PING` with the companion's password is answered by `PONG`. */
  | { readonly kind: "redis"; readonly port: number }
  /** A connection is taken and stays open. */
  | { readonly kind: "tcp"; readonly port: number }
  /** `GET path` gives a status of 200 to 399. */
  | { readonly kind: "http"; readonly port: number; readonly path: string }
  /** The gRPC method, `/package.Service/Method`, answers an empty message with status 0. */
  | { readonly kind: "grpc"; readonly port: number; readonly method: string }
  /** The command inside, as root, ends with 0. */
  | { readonly kind: "command"; readonly command: readonly string[] };

/** A file of a companion; `{password}` in the content is filled in by a step. */
export interface CompanionFileTemplate {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** The data of a service: where it lies, and how a copy of it comes to life again. */
export interface ServiceData {
  /** Directory inside, no volume of the image, so that it becomes part of a snapshot. */
  readonly directory: string;
  /**
   * Command that serves data which was initialised earlier: it sets the password of this run, from
   * its password file, before anything but its own socket is served.
   */
  readonly resume: readonly string[];
  /** Without a seed too, initialised data is kept as a template: it pays where initialising is slow. */
  readonly template: boolean;
  /** How a seed is put in while the server runs; absent: it takes none. */
  readonly seed?: {
    /** Command inside that reads one SQL file from its standard input. */
    readonly load: readonly string[];
  };
}

/** A server that runs beside the run, by the name of its host. */
export interface ServiceContribution {
  /** Host name, also the infix of `moat-<name>-<run id>` and the key under `services:`. */
  readonly name: string;
  readonly image: string;
  /** Replaces the image's entry point and command. */
  readonly entrypoint?: readonly string[];
  /** Replaces the image's command. */
  readonly command?: readonly string[];
  readonly port: number;
  /** Environment of the server. Never secret; passwords go through `files`. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly CompanionFileTemplate[];
  readonly ready: ReadyProbe;
  /** @default 120000 */
  readonly readyTimeoutMs?: number;
  /**
   * Variables of the run; `{password}` and `{host}` are filled in by a step, and a value with
   * `{password}` is handed over in a file. Other placeholders are filled in by the plugin.
   */
  readonly variables: Readonly<Record<string, string>>;
  readonly data?: ServiceData;
  /** Mounts of the server, such as a cache on the host; sources of the kind volume are names. */
  readonly mounts?: readonly Mount[];
  /** Commands inside, as root, after it is ready and before the run starts, one after another. */
  readonly afterReady?: readonly (readonly string[])[];
  /** Without an engine: how the host's own server is run; absent: it cannot be. */
  readonly host?: HostServer;
}

/** A server of the host, run in a sandbox of the run (runtimes that use host tools). */
export interface HostServer {
  /** Programs that must be found, first the server itself, for `find` and messages. */
  readonly programs: readonly string[];
  /** Shell script, `sh -eu`, that initialises `$DATA` where it is empty and execs the server. */
  readonly script: string;
}

/** A helper container that moat itself adds. */
export interface SidecarContribution {
  /** Its host name on the run's network. */
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: readonly CompanionFileTemplate[];
  /** Why it must be privileged, as the end of a sentence; absent: it is not. */
  readonly privileged?: string;
  /** Volumes; `cache` is kept per project under that name, `scratch` goes with the run. */
  readonly volumes?: readonly {
    readonly kind: "cache" | "scratch";
    readonly name: string;
    readonly target: string;
  }[];
  readonly ready: ReadyProbe;
  /** @default 120000 */
  readonly readyTimeoutMs?: number;
}

/** What moat's init does as root inside the run, before the command and after it. */
export interface InitStep {
  /** Such as `dockerd`: names the step in messages and its log, `/var/log/moat-<name>.log`. */
  readonly name: string;
  /**
   * Shell script, `sh -eu`; the run does not start when it fails. Its output is the log, its
   * standard error the run's. A daemon that it leaves running is started with `setsid`.
   */
  readonly start: string;
  /** Shell script run when the command has ended; its failure is ignored. */
  readonly stop?: string;
  /** Variables of the container for the scripts; no part of the image. */
  readonly env?: Readonly<Record<string, string>>;
}

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
  /** Why the run is privileged, as the end of a sentence; there when `privileged` is. */
  readonly privilegedFor?: string;
  readonly services?: readonly ServiceContribution[];
  readonly sidecars?: readonly SidecarContribution[];
  readonly initSteps?: readonly InitStep[];
  /** Isolations under which it does not work, with the reason and the setting that helps. */
  readonly refuses?: readonly {
    readonly isolation: Isolation;
    readonly reason: string;
    readonly hint: string;
  }[];
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
