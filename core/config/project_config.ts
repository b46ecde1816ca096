/**
 * What moat.yaml says, parsed and checked: the result of `loadProjectConfig()`.
 *
 * Types only; the schema that yields them, and `moat schema`, is in `schema.ts`.
 *
 * @module
 */

import type { ReadyProbe } from "../plugin/contribution.ts";
import type { Reach } from "../plugin/router.ts";

/** A mount as written: not yet resolved against the project or the home directory. */
export interface ConfigMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Subpaths of the target that are hidden by empty directories. */
  readonly exclude: readonly string[];
}

/** A volume kept between runs of the project. */
export interface ConfigVolume {
  readonly name: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly shared: boolean;
}

/** What a service is filled with: SQL files of the project, in order, or a command inside it. */
export type ConfigSeed =
  | { readonly kind: "files"; readonly files: readonly string[] }
  | { readonly kind: "command"; readonly command: readonly string[] };

/** How a service is seen to be ready, where its own probe is not right. */
export interface ConfigReady {
  readonly probe?: ReadyProbe;
  readonly timeoutMs?: number;
}

/** Overrides of one service named in `dependencies`. */
export interface ConfigService {
  readonly image?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly wait: boolean;
  readonly memory?: number;
  readonly command?: readonly string[];
  readonly ready?: ConfigReady;
  readonly seed?: ConfigSeed;
  readonly keep?: boolean;
  readonly models?: readonly string[];
}

/** A process limit; `soft` equals `hard` where one number was written. */
export interface ConfigUlimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** The project's configuration; lists and maps are empty, flags false, where nothing was written. */
export interface ProjectConfig {
  /** Absolute path of the file, or `undefined` when the project has none. */
  readonly file: string | undefined;
  readonly name?: string;
  readonly runtime?: string;
  readonly sandbox?: "none";
  readonly dependencies: readonly string[];
  readonly baseImage?: string;
  readonly services: Readonly<Record<string, ConfigService>>;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly ConfigMount[];
  readonly volumes: readonly ConfigVolume[];
  /** Endpoints in the file's order. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly network: {
    readonly mode: "private" | "host";
    readonly policy: "permissive" | "strict";
    /** As written, for Trust. */
    readonly rules: readonly unknown[];
    /** Those of the rules that name other runs. */
    readonly reach: readonly Reach[];
    readonly host: readonly unknown[];
  };
  /** A list is exact; a string is run by `sh -c`. Absent: an interactive shell. */
  readonly command?: readonly string[];
  readonly interactive: boolean;
  readonly hooks: {
    readonly postBuildRoot?: string;
    readonly postBuild?: string;
    readonly preRun?: string;
  };
  readonly container: {
    /** MiB, at least 128. */
    readonly memoryMib?: number;
    readonly cpus?: number;
    readonly dns: readonly string[];
    readonly ulimits: readonly ConfigUlimit[];
  };
  readonly trustHostCa: boolean;
  /** Third-party plugins; of a request, those that were not accepted yet, with their digests. */
  readonly plugins: readonly string[];
  /** Raw value of `grants`, for Trust. */
  readonly grants: unknown;
  /** Known keys in the file that have no effect yet, in the file's order. */
  readonly withoutEffect: readonly string[];
}

/** What `~/.moat/config.yaml` says; also read by the Go tool, never rewritten. */
export interface HomeConfig {
  readonly networkPool?: string;
  readonly logsMaxBytes?: number;
  readonly proxyPort?: number;
  readonly dockerPackages?: "docker" | "debian";
  readonly dockerBuildCache?: boolean;
  readonly mounts: readonly ConfigMount[];
  /** Indexes of plugins, in order, with the keys that the user wrote down. */
  readonly registries: readonly { readonly location: string; readonly key?: string }[];
}
