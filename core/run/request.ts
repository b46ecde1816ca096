/**
 * What the user asked for: flags, environment and moat.yaml as one typed value.
 *
 * Made by `resolve_request.ts`; secrets are kept apart so that the request and the plan can be
 * printed.
 *
 * @module
 */

import type { ProjectConfig } from "../config/project_config.ts";
import type { ResolvedMount } from "../config/resolve_mount.ts";
import type { RunId } from "../ids.ts";
import type { TerminalSize } from "../plugin/runtime.ts";

/** What stands on the command line of `moat run`, parsed and checked, nothing looked up. */
export interface RunFlags {
  /** @default "." */
  readonly path?: string;
  /** Behind `--`; absent when there is no `--`. */
  readonly command?: readonly string[];
  readonly name?: string;
  readonly runtime?: string;
  readonly isolation?: "gvisor" | "none";
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  /** `K=V` or `K`, in order. */
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly dep?: readonly string[];
  readonly port?: readonly string[];
  readonly mount?: readonly string[];
  readonly network?: "host" | "private";
  readonly rebuild?: boolean;
  /** As typed: `512m`, `2g` or MiB without a unit. */
  readonly memory?: string;
  readonly cpus?: string;
  /** As typed: `90`, `30s`, `5m`, `1h`. */
  readonly timeout?: string;
  readonly keep?: boolean;
  readonly trust?: boolean;
  readonly allowConfigWrite?: boolean;
}

/** A value of an environment variable in a plan: secrets are names, their values are elsewhere. */
export type EnvValue =
  | { readonly kind: "text"; readonly text: string }
  /** Prints as `***`; the executor takes the value from `RunRequest.secrets`. */
  | { readonly kind: "secret"; readonly key: string }
  /** A text with `{router.port}` in it, which is known only when the run's route is served. */
  | { readonly kind: "later"; readonly reference: string }
  /** `{password}` is that of the service of this run; prints as `***`. */
  | { readonly kind: "service"; readonly service: string; readonly text: string };

/** Why something is in force without the user's acceptance of the project. */
export type Origin = "typed" | "home" | "project";

/** One run, asked for. */
export interface RunRequest {
  readonly id: RunId;
  readonly name: string;
  readonly project: {
    /** Absolute, symbolic links resolved. */
    readonly path: string;
    readonly uid: number;
    readonly gid: number;
    /** There when the project is a git worktree: the repository's common directory. */
    readonly gitCommonDir?: string;
    /** The project has a `.git` directory of its own. */
    readonly hasGit: boolean;
    /** `.git` is a file: it says where the git directory is. */
    readonly gitFile?: boolean;
    /** The git directory, own or common, has a `hooks` directory that is no link. */
    readonly gitHooks?: boolean;
    /** Which of moat.yaml, moat.lock, agent.yaml exist; links are left out. */
    readonly configFiles: readonly string[];
  };
  readonly config: ProjectConfig;
  /** Asked-for runtime and who asked; absent means automatic. */
  readonly runtime?: { readonly id: string; readonly origin: Origin };
  /** `none` asks for no gVisor. */
  readonly isolation?: { readonly want: "gvisor" | "none"; readonly origin: Origin };
  /** Dependency entries as written, flags last. */
  readonly dependencies: readonly { readonly text: string; readonly origin: Origin }[];
  readonly env: Readonly<Record<string, EnvValue>>;
  /** Values of secret variables by key. Never printed, stored or journalled. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly mounts: readonly (ResolvedMount & { readonly origin: Origin })[];
  readonly endpoints: readonly { readonly name: string; readonly port: number }[];
  readonly network: { readonly mode: "private" | "host"; readonly origin: Origin };
  /** Exact argv; absent: an interactive shell. */
  readonly command?: readonly string[];
  readonly tty: boolean;
  readonly size?: TerminalSize;
  readonly detached: boolean;
  readonly keep: boolean;
  readonly rebuild: boolean;
  readonly allowConfigWrite: boolean;
  readonly timeoutMs?: number;
  readonly limits: { readonly memoryBytes?: number; readonly cpus?: number };
  /** The pool of subnets, CIDR. */
  readonly networkPool: string;
}
