/**
 * The three kinds of plugins, one union on `kind`.
 *
 * A plugin is a value; importing its module does nothing. Contributions are data: see
 * `contribution.ts`. Runtimes are the only plugins that do I/O.
 *
 * @module
 */

import type {
  Contribution,
  DependencyEntry,
  HostFinding,
  HostProbe,
  Pin,
  Target,
} from "./contribution.ts";
import type { ManifestPermissions } from "./permissions.ts";
import type { Runtime, RuntimeFacts } from "./runtime.ts";

/** What a runtime plugin may look at to find its engine. */
export interface RuntimeEnvironment {
  readonly os: "linux" | "darwin";
  readonly arch: "amd64" | "arm64";
  /** Environment variables of moat itself, for DOCKER_HOST and the like. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory for what the runtime keeps between commands (`store/<runtime id>`); may not exist. */
  readonly stateDir: string;
  /**
   * Directory for what was found out about this machine, where that outlives `stateDir`; may not exist.
   * @default stateDir
   */
  readonly findingsDir?: string;
  /** This home's id: the value of the label `moat.home`. */
  readonly home: string;
}

/** Adds a runtime. */
export interface RuntimePlugin {
  readonly kind: "runtime";
  readonly id: string;
  readonly summary: string;
  /** Taken only when it is asked for by its id: it is from elsewhere. */
  readonly isNamedOnly?: true;
  /**
   * Looks at this machine. Returns facts, or why the runtime cannot be used and how to get it.
   * Never starts an engine, creates nothing that stays; asked once per command.
   */
  probe(
    environment: RuntimeEnvironment,
    options?: { readonly signal?: AbortSignal; readonly target?: string },
  ): Promise<RuntimeProbe>;
  /** Looks for tools on the host; there when commands run on host tools. */
  hostProbe?(environment: RuntimeEnvironment): HostProbe;
  /** Opens the engine at the target that facts (or a stored run) name. */
  open(environment: RuntimeEnvironment, target: string): Promise<Runtime>;
}

/** Result of {@linkcode RuntimePlugin.probe}. */
export type RuntimeProbe =
  | { readonly kind: "available"; readonly facts: RuntimeFacts }
  | { readonly kind: "unavailable"; readonly reason: string; readonly hint: string };

/** Adds something that can stand under `dependencies:`. */
export interface DependencyPlugin {
  readonly kind: "dependency";
  readonly id: string;
  readonly summary: string;
  readonly category: DependencyCategory;
  /** What stands behind the colon; absent: nothing may. */
  readonly argument?: DependencyArgument;
  /** Which versions may stand behind `@`; absent: none. */
  readonly versions?: DependencyVersions;
  /** Ids that are added when the user did not write them, such as `node` for `npm:…`. */
  readonly requires?: readonly string[];
  /** A meta entry: stands for these entries and contributes nothing itself. */
  readonly expands?: readonly string[];
  /** Known by name, but not yet to be had: why, as the end of a sentence. */
  readonly notYet?: string;
  /** Programs it brings, first the one whose version is reported. */
  readonly commands?: readonly string[];
  /** What its code may have of this machine; there for plugins that are code from elsewhere. */
  readonly permissions?: ManifestPermissions;
  /** Where it comes from, for `moat deps info`: `release of sharkdp/fd`. */
  readonly origin?: string;
  /** The base image that the entry needs where the project names none; absent: any Debian. Pure. */
  base?(entry: DependencyEntry, target: Pick<Target, "dockerPackages">): string | undefined;
  /** What the entry adds to the image and the run. Pure. @throws UsageError naming the entry. */
  contribute(entry: DependencyEntry, target: Target): Contribution;
  /**
   * In place of `contribute`, which then throws: the plugin is code from elsewhere, and is asked in a
   * sandbox. The answers are in the order of the questions.
   */
  ask?(questions: readonly DependencyQuestion[]): Promise<readonly Contribution[]>;
  /** How to find it on the host, for runtimes that use host tools. */
  find?(entry: DependencyEntry, probe: HostProbe): Promise<HostFinding>;
}

/** What a dependency is asked: what the entry adds for the target. */
export interface DependencyQuestion {
  readonly entry: DependencyEntry;
  readonly target: Target;
}

/** What stands behind an entry's colon. */
export type DependencyArgument =
  /** One of these words: `docker:host`. */
  | { readonly kind: "mode"; readonly modes: readonly string[] }
  /** A package, spelled as that ecosystem does: `npm:@scope/name`. */
  | { readonly kind: "package"; readonly grammar: PackageGrammar };

/** Ecosystems whose package names and versions moat can check. */
export type PackageGrammar = "npm" | "python" | "go" | "cargo";

/** The versions of a dependency. */
export interface DependencyVersions {
  /** Taken when none is asked for; may be partial. Absent: the entry stays unversioned. */
  readonly default?: string;
  /** The catalogue, newest first. */
  readonly known: readonly Pin[];
  /** What else may be asked for: nothing, or any version with so many numbers at least. */
  readonly open: false | { readonly minParts: 1 | 2 | 3 };
  /** Names in place of numbers, such as `stable`. */
  readonly channels?: readonly string[];
}

/** Groups of `moat deps list`, in its order. */
export type DependencyCategory =
  | "language"
  | "package manager"
  | "tool"
  | "agent"
  | "docker"
  | "service"
  | "meta"
  | "dynamic";

/**
 * Adds a source of credentials, and says how they are used without a run ever seeing one: what goes
 * into requests to which hosts, and what stands in its place inside.
 */
export interface ProviderPlugin {
  readonly kind: "provider";
  readonly id: string;
  readonly summary: string;
  /** What must stand behind the colon, as in `env:NPM_TOKEN`; absent: nothing may. */
  readonly argument?: { readonly pattern: RegExp; readonly example: string };
  /**
   * Looks for the credential on the host. Reads only what it is handed; stores nothing.
   * @throws MoatError naming what was looked for and how to give it
   */
  obtain(grant: GrantRequest, host: CredentialHost): Promise<Credential>;
  /** How a credential is used. Pure, and without the credential in it. */
  use(grant: GrantRequest): CredentialUse;
}

/** A grant as asked for: `github`, `env:NPM_TOKEN`. */
export interface GrantRequest {
  readonly text: string;
  readonly argument?: string;
}

/** The host as far as a provider may look. */
export interface CredentialHost {
  /** A variable of moat's own environment. */
  variable(name: string): string | undefined;
}

/** A secret and what is known of it. The secret is never printed, logged or put into a plan. */
export interface Credential {
  readonly secret: string;
  /** RFC 3339; absent: unknown or never. */
  readonly expiresAt?: string;
}

/** Where a credential goes, and what the run sees in its place. */
export interface CredentialUse {
  /** Requests to these hosts, over TLS, get the header; `{secret}` in its value is filled in. */
  readonly hosts: readonly {
    /** Exact, or `*.` and a domain for all below it. */
    readonly host: string;
    readonly header: { readonly name: string; readonly value: string };
  }[];
  /** Variables of the run: placeholders that pass the clients' own checks, never the secret. */
  readonly env: Readonly<Record<string, string>>;
  /** How the credential is seen to be good: a request that ends with a status of 200 to 299. */
  readonly validate?: { readonly method: "GET" | "HEAD"; readonly url: string };
}

/** Everything that can be registered. */
export type Plugin = RuntimePlugin | DependencyPlugin | ProviderPlugin;
