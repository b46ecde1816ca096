/**
 * The plan: everything that a run will create, as plain data, before anything is created.
 *
 * JSON all through: it is printed by `moat plan`, kept in the store and compared in golden tests.
 * Made by `plan_run.ts`, carried out by `execute.ts`.
 *
 * @module
 */

import type { RunId } from "../ids.ts";
import type { CompanionFileTemplate, ReadyProbe, ServiceData } from "../plugin/contribution.ts";
import type { Reach } from "../plugin/router.ts";
import type { ContextFile, Isolation, Limits, Mount, TrustedAuthority } from "../plugin/runtime.ts";
import type { EnvValue } from "./request.ts";

/** Version of this shape; stored plans of another version are shown, not executed. */
export const PLAN_SCHEMA = 1;

/** The image of a run. `base`: pulled and used as it is, moat's init is copied in. */
export type ImagePlan =
  | { readonly kind: "base"; readonly ref: string }
  | {
    readonly kind: "build";
    readonly tag: string;
    readonly base: string;
    readonly dockerfile: string;
    readonly files: Readonly<Record<string, ContextFile>>;
    readonly digest: string;
    readonly rebuild: boolean;
  };

/** The network of a run. The subnet of `own` is taken from the pool by a step. */
export type NetworkPlan =
  | { readonly kind: "own"; readonly name: string; readonly pool: string }
  | { readonly kind: "host" }
  /** The runtime isolates the network itself (local's namespace). */
  | { readonly kind: "sandbox" };

/** A setting in force only after the user accepted it for this project (behaviour.md, Trust). */
export interface TrustedSetting {
  /** Key as in moat.yaml, such as `mounts` or `dependencies`. */
  readonly key: string;
  /** Canonical text of the value; part of the digest, and shown. */
  readonly value: string;
  /** What it allows, for the question: `reads /home/a/.ssh`. */
  readonly effect: string;
}

/** A container beside the run, as planned. No secret is in it: `{password}` is filled in by a step. */
export interface CompanionPlan {
  /** Its host name: `postgres`, `buildkit`. */
  readonly name: string;
  /** The engine's name for it. */
  readonly container: string;
  /** Absent where the host's own server runs. */
  readonly image?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly CompanionFileTemplate[];
  readonly mounts: readonly Mount[];
  readonly toolPaths: readonly string[];
  /** Absent: the engine's default. */
  readonly isolation?: Isolation;
  /** Why it is privileged; absent: it is not. */
  readonly privileged?: string;
  readonly limits: Limits;
  readonly ready: ReadyProbe;
  readonly readyTimeoutMs: number;
}

/** A service of the run. */
export interface ServicePlan extends CompanionPlan {
  readonly port: number;
  /** The run's command starts when it is ready. */
  readonly wait: boolean;
  /** Variables of the run, with `{password}` where a step fills it in. */
  readonly variables: Readonly<Record<string, string>>;
  readonly afterReady: readonly (readonly string[])[];
  readonly data?: ServiceDataPlan;
}

/** Where a service's data comes from, and whether it stays. */
export interface ServiceDataPlan extends ServiceData {
  /** `fresh`: initialised each time; `template`: cloned from an image; `keep`: on a volume. */
  readonly source: "fresh" | "template" | "keep";
  /**
   * 16 hex digits over what the initialised data depends on: the image's reference, the server's
   * settings, the seed. With the image's id it makes the template's tag. Absent where the runtime
   * makes no templates.
   */
  readonly templateKey?: string;
  /** Volume of the kept data; there for `keep`. */
  readonly volume?: string;
  /** What is put in once, after the data was initialised. */
  readonly seedFrom?: ServiceSeed;
}

/** A seed: SQL files of the project, in order, with their content's digest; or a command inside. */
export type ServiceSeed =
  | {
    readonly kind: "files";
    readonly files: readonly { readonly path: string; readonly sha256: string }[];
  }
  | { readonly kind: "command"; readonly command: readonly string[] };

/** What one run will create. */
export interface RunPlan {
  readonly schema: typeof PLAN_SCHEMA;
  readonly id: RunId;
  readonly name: string;
  readonly project: string;
  readonly detached: boolean;
  readonly keep: boolean;
  readonly timeoutMs?: number;
  readonly runtime: {
    readonly id: string;
    readonly target: string;
    readonly description: string;
    /** Why this runtime: `asked for by --runtime`, `automatic: …`. */
    readonly reason: string;
    readonly isolation: Isolation;
    /** The default here, where the run's isolation is weaker. */
    readonly reducedFrom?: Isolation;
  };
  readonly image?: ImagePlan;
  readonly container: {
    readonly name: string;
    readonly command: readonly string[];
    readonly workdir: string;
    readonly hostname: string;
    readonly uid: number;
    readonly gid: number;
    readonly env: Readonly<Record<string, EnvValue>>;
    /** How programs come to trust the router's certificates; there when the run has endpoints. */
    readonly authority?: Omit<TrustedAuthority, "certificate">;
    readonly mounts: readonly Mount[];
    readonly toolPaths: readonly string[];
    readonly groups: readonly number[];
    readonly privileged: boolean;
    /** Why, as the end of a sentence; there when it is. */
    readonly privilegedFor?: string;
    readonly dns: readonly string[];
    readonly limits: Limits;
    readonly tty: boolean;
    readonly preRun?: string;
  };
  readonly network: NetworkPlan;
  readonly volumes: readonly { readonly name: string }[];
  readonly endpoints: readonly { readonly name: string; readonly port: number }[];
  /** What the run may reach through the router besides its own endpoints; absent: nothing. */
  readonly reach?: readonly Reach[];
  readonly services: readonly ServicePlan[];
  readonly sidecars: readonly CompanionPlan[];
  readonly trust: readonly TrustedSetting[];
  /** Lower isolation, odd permissions: shown as `warning:`. */
  readonly warnings: readonly string[];
  /** Good to know: shown as `note:`. */
  readonly notices: readonly string[];
}
