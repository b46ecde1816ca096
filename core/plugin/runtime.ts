/**
 * The runtime contract: what isolates a run, and what it can do beyond the minimum.
 *
 * Every runtime implements {@linkcode Runtime}. What only some can do is an ability object that is
 * there or `undefined`; core asks "can you?", never "are you docker?". Names given to a runtime are
 * unique on its engine and made by `core/ids.ts`.
 *
 * @module
 */

import type { Role } from "../ids.ts";

/** How strong the isolation is. */
export type Isolation = "gvisor" | "container" | "vm" | "namespaces";

/** A kind of engine object that a run may leave behind. */
export type ResourceKind = "container" | "network" | "volume";

/** Something that exists, or may exist, on a runtime: the unit of journal, undo and clean-up. */
export interface Resource {
  readonly kind: ResourceKind;
  /** The engine's name for it, known before it is made. */
  readonly name: string;
}

/** A resource as an engine lists it, with the run that its labels name. */
export interface OwnedResource extends Resource {
  readonly runId: string;
  readonly role: Role;
  readonly running: boolean;
}

/** A bind mount or a named volume. */
export interface Mount {
  readonly kind: "bind" | "volume" | "tmpfs";
  /**
   * Absolute host path, or the volume's name; empty for tmpfs, and for a volume without a name,
   * which belongs to root and is removed with its container.
   */
  readonly source: string;
  /** Absolute path inside. */
  readonly target: string;
  readonly readOnly: boolean;
}

/**
 * What a container's network is. `own`: the named network, made before through `networks`; `none`:
 * nothing but `lo`, and what `reach` names.
 */
export type ContainerNetwork =
  | {
    readonly kind: "own";
    readonly name: string;
    /** Its IPv4 address there, out of the network's subnet; absent: the engine's choice. */
    readonly address?: string;
  }
  | { readonly kind: "host" }
  | {
    readonly kind: "none";
    /**
     * Servers, such as `example.org:443`, that a proxy leads to which the command finds in its
     * environment, on runtimes that run on host tools; elsewhere nothing does.
     */
    readonly reach?: readonly string[];
  };

/** Limits of a container; absent means the engine's default. */
export interface Limits {
  readonly memoryBytes?: number;
  /** Whole or fractional processors. */
  readonly cpus?: number;
  readonly ulimits?: readonly {
    readonly name: string;
    readonly soft: number;
    readonly hard: number;
  }[];
}

/** An authority that programs inside are made to trust when they start, beside those that they trust anyway. */
export interface TrustedAuthority {
  /** Its certificate, as PEM. */
  readonly certificate: string;
  /** Where it is to lie inside, alone. */
  readonly file: string;
  /** Where it is to lie inside with all that the system there trusts; absent: nowhere. */
  readonly bundle?: string;
  /** Variables that name both to programs. One that the image itself sets keeps its value. */
  readonly env: Readonly<Record<string, string>>;
}

/** Everything needed to create one container or sandbox; no references are left in it. */
export interface ContainerSpec {
  /** Unique on the engine; see `engineName()`. */
  readonly name: string;
  readonly runId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Image reference; `undefined` on runtimes without images. */
  readonly image: string | undefined;
  readonly isolation: Isolation;
  /** Program and arguments, exact. */
  readonly command: readonly string[];
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * Variables with secrets, such as a service's URL: handed over in a file of mode 0600 that only the
   * run's user reads. Seen by the command and by every `exec`; never in what the engine lists.
   */
  readonly secretEnv?: Readonly<Record<string, string>>;
  readonly authority?: TrustedAuthority;
  readonly hostname: string;
  readonly mounts: readonly Mount[];
  readonly network: ContainerNetwork;
  readonly dns: readonly string[];
  /** Extra lines of /etc/hosts. */
  readonly hosts: readonly { readonly address: string; readonly name: string }[];
  /** Ids that the command runs as inside; 0 when the project's owner is root. */
  readonly uid: number;
  readonly gid: number;
  /** Host tools: real directories that are shown read-only (runtimes without images). */
  readonly toolPaths: readonly string[];
  readonly groups: readonly number[];
  readonly privileged: boolean;
  readonly limits: Limits;
  /** A terminal is attached. */
  readonly tty: boolean;
  /** Standard input stays open; otherwise it is empty. */
  readonly stdin: boolean;
  /**
   * Nobody is attached: the runtime itself keeps output and exit code, and the container outlives
   * the process that started it.
   */
  readonly detached: boolean;
  /** A shell script run inside as the user before the command, `set -e`. */
  readonly preRun?: string;
  /** Initial size of the terminal. */
  readonly size?: TerminalSize;
}

/** A file that a companion finds at its start; its content may be secret. */
export interface CompanionFile {
  /** Absolute path inside. */
  readonly path: string;
  readonly content: string;
  /** Permission bits, such as `0o600`. */
  readonly mode: number;
  /** Owner inside; root unless given. The official images drop root before they read such files. */
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A container beside a run, on its network: a service, or a helper of moat's own. Its image's own
 * entry point runs, not moat's init. On runtimes with host tools it is a sandbox of its own that
 * shares the run's network namespace; `command` is then required and runs as the sandbox's user.
 */
export interface CompanionSpec {
  /** Unique on the engine; see `companionName()`. */
  readonly name: string;
  readonly runId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Image reference; `undefined` on runtimes without images. */
  readonly image: string | undefined;
  /** Replaces the image's entry point and command; absent: the image's own. */
  readonly entrypoint?: readonly string[];
  /** Replaces the image's command. Required where there is no image. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Put into the created container before it starts; on host tools, shown read-only at the path. */
  readonly files: readonly CompanionFile[];
  readonly mounts: readonly Mount[];
  readonly hostname: string;
  /** The run's network; the address is one of its subnet where the engine has subnets. */
  readonly network: { readonly name: string; readonly address?: string };
  readonly hosts: readonly { readonly address: string; readonly name: string }[];
  readonly dns: readonly string[];
  /** Absent: the engine's default, as for sidecars. */
  readonly isolation?: Isolation;
  readonly privileged: boolean;
  readonly limits: Limits;
  /** Host tools: real directories that are shown read-only (runtimes without images). */
  readonly toolPaths: readonly string[];
}

/**
 * Ability: containers beside a run. What they have in common with runs is done by the runtime's own
 * methods under their names: `stop`, `kill`, `remove`, `inspect`, `logs`, `wait`, `exec`.
 */
export interface Companions {
  /**
   * Where companions listen, as the run sees them: an address of its own each (`subnet`), or all on
   * 127.0.0.1 of one namespace (`loopback`).
   */
  readonly addressing: "subnet" | "loopback";
  /** Creates, does not start. What it made is removed again when it throws or is aborted. */
  create(spec: CompanionSpec, options?: CallOptions): Promise<void>;
  /** Starts a created one; its output and exit code are kept by the runtime, for `logs` and `wait`. */
  start(spec: CompanionSpec, options?: CallOptions): Promise<void>;
  /**
   * Keeps the directory of a stopped companion as an image: the companion's image and that directory
   * on top, nothing else of it. Absent where there are no images.
   */
  snapshot?(name: string, image: SnapshotImage, options?: CallOptions): Promise<void>;
}

/** The image that {@linkcode Companions.snapshot} makes. */
export interface SnapshotImage {
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Absolute path inside, a volume's mount or below one: what lies elsewhere is not to be had of every
   * isolation.
   */
  readonly directory: string;
}

/** A two-way byte stream; closing ends pending reads with `null`. */
export interface ByteStream extends Disposable {
  /** Number of bytes read, or `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Number of bytes taken, which may be fewer than given. */
  write(data: Uint8Array): Promise<number>;
  /** Ends this side's output. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** Options of {@linkcode Runtime.accept}. */
export interface AcceptOptions extends CallOptions {
  /** Is given each connection, and closes it. */
  serve(stream: ByteStream): void;
}

/** A port inside a container whose connections come to moat; disposing ends it and its connections. */
export interface InsidePort extends AsyncDisposable {
  /** Resolves when it accepts no more: its container has ended, or what listened in there. */
  readonly ended: Promise<void>;
}

/** Columns and rows of a terminal. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Which stream a piece of output came from; with a terminal all is `tty`. */
export type OutputStream = "stdout" | "stderr" | "tty";

/** A piece of output as it came: not a line, not text. */
export interface OutputChunk {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
}

/** A piece of kept output, with the time at which it was written (or found, see `late`). */
export interface LoggedChunk extends OutputChunk {
  readonly time: Date;
  /** Opaque position: give it to `logs({ after })` to continue behind this chunk. */
  readonly cursor: string;
  /** Written while nobody watched: `time` is when it was found. */
  readonly late?: boolean;
}

/** How a command ended. */
export interface ExitStatus {
  /** The command's own code, 128+n when signal n ended it. */
  readonly code: number;
  readonly oomKilled: boolean;
  /** Why the runtime itself ended it, such as a full disk. */
  readonly reason?: string;
}

/** Options of {@linkcode Runtime.start}. */
export interface StartOptions extends CallOptions {
  /** Told what will not work in this run, one line each, before the command starts. */
  readonly notice?: (text: string) => void;
}

/** A live connection to a running command. Closing it does not end the command. */
export interface Attachment extends AsyncDisposable {
  /** Output in order; consuming slowly slows the command. Ends at the command's end or `close`. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Writes to the command's standard input. Resolves when taken. Input that nobody reads is lost. */
  write(data: Uint8Array): Promise<void>;
  /** Ends standard input. Idempotent. */
  closeInput(): Promise<void>;
  /** Sets the terminal's size; nothing happens without a terminal. */
  resize(size: TerminalSize): Promise<void>;
}

/** What a runtime really made of a container, read back from it. */
export interface ContainerState {
  readonly name: string;
  readonly status: "created" | "running" | "exited";
  /** There when exited. */
  readonly exit?: ExitStatus;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  readonly isolation: Isolation;
  /** The engine's word for what isolates, such as `runsc`, `runc`, `bubblewrap`, `unshare`. */
  readonly isolatedBy: string;
  /** Addresses inside the run's network that the host can reach, if any. */
  readonly addresses: readonly string[];
}

/** A further command inside a running container. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly size?: TerminalSize;
}

/** A running exec. */
export interface Exec {
  readonly attachment: Attachment;
  wait(): Promise<ExitStatus>;
  /** Sends a signal such as `SIGTERM` to the command. */
  kill(signal: string): Promise<void>;
}

/** Options of calls that only need to be interruptible. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Reports what a slow step does: one line per activity, updated in place on a terminal. */
export interface Progress {
  /** Sets an activity's present text, such as `"3f2a: 12/40 MB"`; the id names the activity. */
  update(id: string, text: string): void;
  /** Ends an activity; the text stays as its last line. */
  done(id: string, text?: string): void;
}

/** Options of calls that may take long and report. */
export interface ProgressOptions extends CallOptions {
  readonly progress?: Progress;
}

/** Ability: images can be pulled, built and looked up. */
export interface Images {
  exists(ref: string, options?: CallOptions): Promise<boolean>;
  /** The engine's id of an image, which changes when the reference is moved; `undefined`: not there. */
  id(ref: string, options?: CallOptions): Promise<string | undefined>;
  /** Pulls for the engine's platform. @throws MoatError naming reference and reason. */
  pull(ref: string, options?: ProgressOptions): Promise<void>;
  /** Builds and tags. @throws MoatError with the failing step, its last lines, the Dockerfile line. */
  build?(build: ImageBuild, options?: BuildOptions): Promise<BuildResult>;
  /** Tags of images labelled `moat.image=1`. */
  listOwn(options?: CallOptions): Promise<readonly string[]>;
  /** Untags; false when a container uses it. Idempotent. */
  untag(ref: string, options?: CallOptions): Promise<boolean>;
}

/** An image to build: everything in memory, nothing read from disk. */
export interface ImageBuild {
  readonly tag: string;
  readonly dockerfile: string;
  /** Files of the context besides the Dockerfile, by relative path. */
  readonly files: Readonly<Record<string, ContextFile>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Hash of Dockerfile and files; also the shared key of the build's context. */
  readonly digest: string;
}

/** A file of a build context. */
export interface ContextFile {
  readonly content: string;
  /** Permission bits, such as `0o755`. */
  readonly mode: number;
}

/** Options of {@linkcode Images.build}. */
export interface BuildOptions extends ProgressOptions {
  /** Use no cached layer. */
  readonly noCache?: boolean;
}

/** What a build made, and which builder made it; tests and events tell them apart by `via`. */
export interface BuildResult {
  /** The engine's id of the tagged image. */
  readonly imageId: string;
  /** The engine's own BuildKit, the one that BUILDKIT_HOST names, the engine's old builder; `other`. */
  readonly via: "buildkit-engine" | "buildkit-remote" | "classic" | "other";
}

/** Ability: private networks. */
export interface Networks {
  /** @throws MoatError; the message says so when the subnet overlaps one in use. */
  create(
    network: {
      readonly name: string;
      readonly subnet: string;
      readonly labels: Readonly<Record<string, string>>;
    },
    options?: CallOptions,
  ): Promise<void>;
}

/** Ability: volumes that outlive a run. */
export interface Volumes {
  /** Creates the volume unless it is there; returns the labels with which it was created. */
  ensure(
    volume: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
    options?: CallOptions,
  ): Promise<Readonly<Record<string, string>>>;
}

/** The engine's control socket as it was found, for the planner. */
export interface HostSocketFacts {
  /** Path on the engine's machine, such as `/var/run/docker.sock` or a rootless engine's. */
  readonly path: string;
  /** Group that may use it, read from the socket itself; 0 where only root may. */
  readonly gid: number;
  /** Odd ownership or permissions, one sentence each, for warnings. */
  readonly oddities: readonly string[];
}

/** Ability: a running container can be attached to again. */
export interface Reattach {
  attach(name: string, options: { readonly tty: boolean } & CallOptions): Promise<Attachment>;
}

/** The names of abilities, as dependencies ask for them and messages print them. */
export type AbilityName =
  | "images"
  | "networks"
  | "volumes"
  | "services"
  | "sidecars"
  | "dial"
  | "accept"
  | "privileged"
  | "firewall"
  | "hostSocket"
  | "reattach";

/**
 * What isolates runs: the part that every runtime has, and its abilities.
 *
 * Methods take names, not handles, so that another process can continue. `stop`, `kill`, `remove`
 * are idempotent: what is not there, or not running, is no error.
 */
export interface Runtime extends AsyncDisposable {
  /** As typed after `--runtime`. */
  readonly id: string;
  /** Where the engine is, such as `unix:///var/run/docker.sock`; opening it again finds the same. */
  readonly target: string;

  readonly images: Images | undefined;
  readonly networks: Networks | undefined;
  readonly volumes: Volumes | undefined;
  readonly reattach: Reattach | undefined;
  readonly companions: Companions | undefined;
  /**
   * Opens a TCP connection to a port inside a running container or companion: by its address, or from
   * within where it listens on its loopback only. @throws MoatError when nothing listens there
   */
  readonly dial:
    | ((name: string, port: number, options?: CallOptions) => Promise<ByteStream>)
    | undefined;
  /**
   * Accepts the TCP connections that are made inside a running container to a port of 127.0.0.1, and
   * of ::1 where it has one. @throws MoatError when something in there has the port
   */
  readonly accept:
    | ((name: string, port: number, options: AcceptOptions) => Promise<InsidePort>)
    | undefined;
  /**
   * Keeps what a running container needs from its owner's process, such as a network relay, until
   * disposed. The owner calls it after `start` of a detached container and after taking one over.
   */
  readonly supervise: ((name: string) => Promise<AsyncDisposable>) | undefined;
  /**
   * The memory that all processes of a running container have resident, as the host counts it;
   * `undefined`: none runs.
   */
  readonly residentBytes?: (name: string) => Promise<number | undefined>;
  /** True when containers may be privileged. */
  readonly privileged: true | undefined;

  /** Creates, does not start. What it made is removed again when it throws or is aborted. */
  create(spec: ContainerSpec, options?: CallOptions): Promise<void>;
  /**
   * Starts a created container. Unless `spec.detached`, attaches first, so that no output is
   * missed, and returns the attachment.
   */
  start(spec: ContainerSpec, options?: StartOptions): Promise<Attachment | undefined>;
  /** Resolves when the command has ended, at once when it already has. */
  wait(name: string, options?: CallOptions): Promise<ExitStatus>;
  /** TERM, then KILL after the grace. */
  stop(name: string, options?: { readonly graceMs?: number } & CallOptions): Promise<void>;
  /** Sends a signal, such as `SIGTERM`, to the container's first process. */
  kill(name: string, signal: string): Promise<void>;
  /** Ends and removes the resource with everything it holds. */
  remove(resource: Resource, options?: CallOptions): Promise<void>;
  inspect(name: string, options?: CallOptions): Promise<ContainerState | undefined>;
  /** Resources whose labels name this home, of all kinds, running or not. */
  list(home: string, options?: CallOptions): Promise<readonly OwnedResource[]>;
  /** Kept output of a detached container, in order. With `follow`, ends when the command does. */
  logs(
    name: string,
    options: { readonly follow: boolean; readonly after?: string } & CallOptions,
  ): AsyncIterable<LoggedChunk>;
  exec(name: string, spec: ExecSpec, options?: CallOptions): Promise<Exec>;
}

/** What was found out about a runtime on this machine before planning; plain data. */
export interface RuntimeFacts {
  readonly id: string;
  readonly target: string;
  /** Such as `Docker Engine 29.0.0 (API 1.51)`. */
  readonly description: string;
  readonly arch: "amd64" | "arm64";
  /** Isolations that it can give here, strongest first. */
  readonly isolations: readonly Isolation[];
  /** The isolation it gives unless asked otherwise. */
  readonly defaultIsolation: Isolation;
  /** Why the default isolation is not there, with the fix; `undefined` when it is. */
  readonly defaultIsolationMissing?: { readonly reason: string; readonly hint: string };
  readonly abilities: readonly AbilityName[];
  /** The engine's socket, or why it cannot be given to a run, as the end of a sentence. */
  readonly hostSocket?: HostSocketFacts | { readonly missing: string };
  /** Paths inside where an authority can be put; absent: runs cannot be made to trust one. */
  readonly authorityFiles?: Required<Pick<TrustedAuthority, "file" | "bundle">>;
  /** Users inside are shifted (rootless or remapped): the command runs as uid 0 inside. */
  readonly shiftedIds: boolean;
  /** Paths inside: where the project is mounted. */
  readonly workspace: string;
  /** Notices for the user, such as limits that cannot be enforced here. */
  readonly notices: readonly string[];
  /** The command runs directly on host tools: dependencies are looked for, not installed. */
  readonly usesHostTools: boolean;
}
