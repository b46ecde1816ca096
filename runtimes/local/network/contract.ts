/**
 * How a sandbox and its network meet.
 *
 * The sandbox is started in a network namespace of its own with `lo` up. Once the namespace exists,
 * the outside calls `openNetwork()`; the command starts only after it resolved. The sandbox's files
 * (`/etc/resolv.conf`) and the command's environment are completed from its answer.
 *
 * @module
 */

/** Where `relayDirectory()` of a sandbox appears inside it. */
export const RELAY_TARGET = "/.moat/net";

/** The directory outside that a sandbox sees, read-only, at {@linkcode RELAY_TARGET}. */
export function relayDirectory(stateDir: string): string {
  return `${stateDir}/net`;
}

/** What a network is opened for. */
export interface NetworkRequest {
  /**
   * Host pid of a process in the sandbox's network namespace. The namespace may belong to an
   * ancestor of that process's user namespace: ask it with ioctl `NS_GET_USERNS` (0xb701) on
   * `/proc/<pid>/ns/net`.
   */
  readonly pid: number;
  /** The sandbox's own state directory, mode 0700; files named `network*` and `net/` are ours. */
  readonly stateDir: string;
  readonly mode: "private" | "host";
  /** With `private`: nothing but these servers, such as `example.org:443`, is reached. */
  readonly reach?: readonly string[];
  /** True when the network must outlive this process; see `superviseNetwork()`. */
  readonly detached: boolean;
  /** Name servers asked for in the configuration; empty means the host's. */
  readonly dns: readonly string[];
  /** moat's own environment: proxy variables, PATH, test switches. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An open network. Disposing of it ends its helpers. */
export interface Network extends AsyncDisposable {
  readonly kind: "pasta" | "slirp4netns" | "relay" | "none" | "host";
  /** Variables that the command gets unless it has its own, such as HTTPS_PROXY. */
  readonly env: Readonly<Record<string, string>>;
  /** One line each: what will not work here. */
  readonly notices: readonly string[];
  /** Text of /etc/resolv.conf inside. */
  readonly resolvConf: string;
  /**
   * A Perl program started inside, as the command's user, before the command; it must print
   * one line to its standard output when it is ready and then stay. It gets no environment.
   */
  readonly insideHelper?: string;
}

/** Implemented by `open_network.ts`. @throws MoatError when no network can be made at all */
export type OpenNetwork = (request: NetworkRequest) => Promise<Network>;

/**
 * Implemented by `supervise_network.ts`: serves again what a detached sandbox's network needs from
 * a process of moat's (the relay's outside), and ends with the result's disposal. Undefined when
 * it needs nothing. Called by the daemon after a start and after each of its own restarts.
 */
export type SuperviseNetwork = (
  request: { readonly stateDir: string; readonly env: Readonly<Record<string, string>> },
) => Promise<AsyncDisposable | undefined>;

/** Implemented by `close_network.ts`: ends helpers that a dead process left; idempotent. */
export type CloseNetwork = (request: { readonly stateDir: string }) => Promise<void>;

/**
 * Implemented by `network_facts.ts`: what will not work on this machine, for `moat doctor` and the
 * plan. Quick (a few ms), starts nothing, writes nothing.
 */
export type NetworkFacts = (
  request: { readonly env: Readonly<Record<string, string>> },
) => Promise<{ readonly notices: readonly string[] }>;

/** Limits of a sandbox; implemented by `../cgroup.ts`. */
export interface LimitsRequest {
  readonly name: string;
  readonly limits: { readonly memoryBytes?: number; readonly cpus?: number };
  /** Host pid to put in before the command runs; its children inherit. */
  readonly pid: number;
}

/** Implemented by `../cgroup.ts` as `applyLimits`; notices when something cannot be enforced. */
export type ApplyLimits = (request: LimitsRequest) => Promise<
  {
    readonly notices: readonly string[];
    /** Directories of the groups made, kept in the sandbox's state for `removeLimits()`. */
    readonly groups: readonly string[];
  }
>;

/** Implemented by `../cgroup.ts`: says whether memory ran out; read before `removeLimits()`. */
export type WasOutOfMemory = (groups: readonly string[]) => Promise<boolean>;

/** Implemented by `../cgroup.ts`: removes empty groups; idempotent. */
export type RemoveLimits = (groups: readonly string[]) => Promise<void>;
