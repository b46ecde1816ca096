/**
 * Sandboxes made of the kernel's namespaces, directly on this machine: no engine, no image.
 *
 * All that is known about a sandbox is in its directory, so any process can look at it and end it;
 * only the process that started an attached one has its streams.
 *
 * @module
 */

import { LABEL, type Role, runIdFromLabels } from "../../core/ids.ts";
import { MoatError } from "../../core/errors.ts";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type {
  AcceptOptions,
  Attachment,
  ByteStream,
  CallOptions,
  CompanionSpec,
  ContainerSpec,
  ContainerState,
  Exec,
  ExecSpec,
  ExitStatus,
  InsidePort,
  LoggedChunk,
  OwnedResource,
  Resource,
  Runtime,
  StartOptions,
} from "../../core/plugin/runtime.ts";
import { acceptInSandbox } from "./accept_in_sandbox.ts";
import { findGroups, removeLimits } from "./cgroup.ts";
import {
  COMPANION_USER,
  companionLayout,
  companionSandbox,
  writeCompanionFiles,
} from "./companion_sandbox.ts";
import { createSandbox } from "./create_sandbox.ts";
import { endRelay } from "./dial_relay.ts";
import { execInSandbox } from "./exec_in_sandbox.ts";
import { readKeptOutput } from "./kept_output.ts";
import { closeNetwork } from "./network/close_network.ts";
import { superviseNetwork } from "./network/supervise_network.ts";
import { isAlive, signalProcess } from "./process_identity.ts";
import { raceAbort } from "../../core/race_abort.ts";
import { RunNetworks } from "./run_networks.ts";
import { SandboxDialer } from "./sandbox_dialer.ts";
import {
  type Backend,
  readProcess,
  readRecord,
  sandboxesDirectory,
  type SandboxPaths,
  sandboxPaths,
  type SandboxRecord,
} from "./sandbox_state.ts";
import { readExitStatus, readSandboxState } from "./sandbox_status.ts";
import { readSecretEnv, removeSecretEnv } from "./secret_env.ts";
import { type StartedSandbox, startSandbox } from "./start_sandbox.ts";
import { isThere, removeIfThere } from "../../core/store/files.ts";
import { directoryNames } from "./state_files.ts";
import { stamp } from "./trial_stamp.ts";
import { ensureVolume, listVolumes, removeVolume, volumesDirectory } from "./volumes.ts";
import { residentBytes } from "./resident_memory.ts";
import { waitUntil } from "./wait_until.ts";
import type { Wall } from "./walls.ts";

/** Options of {@linkcode openLocalRuntime}. */
export interface LocalRuntimeOptions {
  readonly backend: Backend;
  /** Path of bubblewrap, where it is the backend. */
  readonly bubblewrap: string;
  /** Walls to leave out, for tests of the walls' own tests. */
  readonly without?: readonly Wall[];
}

/** Opens the runtime; nothing is created yet. */
export function openLocalRuntime(
  environment: RuntimeEnvironment,
  options: LocalRuntimeOptions,
): Runtime {
  return new LocalRuntime(environment, options);
}

class LocalRuntime implements Runtime {
  readonly id = "local";
  readonly target: string;
  readonly images = undefined;
  readonly networks = undefined;
  readonly reattach = undefined;
  readonly privileged = undefined;
  readonly companions: Runtime["companions"];
  readonly volumes: Runtime["volumes"];
  readonly #environment: RuntimeEnvironment;
  readonly #options: LocalRuntimeOptions;
  readonly #networks: RunNetworks;
  readonly #dialer: SandboxDialer;
  readonly #started = new Map<string, StartedSandbox>();

  constructor(environment: RuntimeEnvironment, options: LocalRuntimeOptions) {
    this.target = options.backend;
    this.#environment = environment;
    this.#options = options;
    this.#networks = new RunNetworks(environment);
    this.#dialer = new SandboxDialer({ ...environment, networks: this.#networks });
    this.companions = {
      addressing: "loopback",
      create: (spec, options) => this.#createCompanion(spec, options),
      start: (spec, options) => this.#startCompanion(spec, options),
    };
    this.volumes = { ensure: (volume) => ensureVolume(environment.stateDir, volume) };
  }

  async supervise(name: string): Promise<AsyncDisposable> {
    const { directory } = this.#paths(name);
    const supervised = await superviseNetwork({ stateDir: directory, env: this.#environment.env });
    return supervised ?? { [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  async create(spec: ContainerSpec, { signal }: CallOptions = {}): Promise<void> {
    await createSandbox(spec, {
      paths: this.#paths(spec.name),
      volumes: volumesDirectory(this.#environment.stateDir),
      backend: this.#backendFor(spec),
      switchesUser: switchesUser(spec.uid),
      signal,
    });
  }

  async start(
    spec: ContainerSpec,
    { signal, notice }: StartOptions = {},
  ): Promise<Attachment | undefined> {
    const started = await startSandbox(spec, {
      ...this.#startOptions(spec),
      backend: this.#backendFor(spec),
      switchesUser: switchesUser(spec.uid),
      sharedNetwork: spec.network.kind === "own"
        ? await this.#networks.find(spec.runId)
        : undefined,
      notice,
      signal,
    });
    await stamp(this.#environment, this.#options.backend);
    if (spec.detached) started.child.unref();
    this.#started.set(spec.name, started);
    return started.attachment;
  }

  async wait(name: string, { signal }: CallOptions = {}): Promise<ExitStatus> {
    const paths = this.#paths(name);
    const process = await readProcess(paths);
    if (process === undefined) {
      throw new MoatError(`Cannot wait for sandbox "${name}": it was not started`);
    }
    const own = this.#started.get(name);
    if (own !== undefined && own.attachment !== undefined) {
      await raceAbort(own.child.status, signal);
    }
    await waitUntil(() => !isAlive(process), { signal });
    await removeSecretEnv(paths);
    return await readExitStatus(paths, process);
  }

  async stop(
    name: string,
    { graceMs = 10_000, signal }: { readonly graceMs?: number } & CallOptions = {},
  ): Promise<void> {
    const process = await readProcess(this.#paths(name));
    if (process === undefined || !signalProcess(process, "SIGTERM")) return;
    const ended = await waitUntil(() => !isAlive(process), { signal, timeoutMs: graceMs });
    if (ended) return;
    signalProcess(process, "SIGKILL");
    await waitUntil(() => !isAlive(process), { signal });
  }

  async kill(name: string, signal: string): Promise<void> {
    const process = await readProcess(this.#paths(name));
    if (process !== undefined) signalProcess(process, signal);
  }

  async remove({ kind, name }: Resource, { signal }: CallOptions = {}): Promise<void> {
    if (kind === "volume") return await removeVolume(this.#environment.stateDir, name);
    if (kind !== "container") return;
    const paths = this.#paths(name);
    const process = await readProcess(paths);
    if (process !== undefined) {
      signalProcess(process, "SIGKILL");
      await waitUntil(() => !isAlive(process), { signal });
    }
    const started = this.#started.get(name);
    this.#started.delete(name);
    await started?.attachment?.[Symbol.asyncDispose]();
    await started?.network[Symbol.asyncDispose]();
    if (started !== undefined) await endOf(started.child);
    if (await isThere(paths.directory)) await closeNetwork({ stateDir: paths.directory });
    await endRelay(paths.directory);
    await removeLimits(process?.groups ?? await findGroups(name));
    // Before, so that whoever is cut off here leaves a sandbox to be removed; after, as two sandboxes
    // of one run may be removed at a time.
    await this.#networks.release(name);
    await removeIfThere(paths.directory);
    await this.#networks.release();
  }

  async inspect(name: string): Promise<ContainerState | undefined> {
    const paths = this.#paths(name);
    const record = await readRecord(paths);
    return record === undefined ? undefined : await readSandboxState(record, paths);
  }

  async list(home: string): Promise<readonly OwnedResource[]> {
    const directory = sandboxesDirectory(this.#environment.stateDir);
    const resources: OwnedResource[] = [];
    for (const name of await directoryNames(directory)) {
      const paths = this.#paths(name);
      const record = await readRecord(paths);
      const runId = record === undefined ? undefined : runIdFromLabels(record.labels, home);
      if (record === undefined || runId === undefined) continue;
      const { status } = await readSandboxState(record, paths);
      resources.push({
        kind: "container",
        name: record.name,
        runId,
        role: roleOf(record),
        running: status === "running",
      });
    }
    return [...resources, ...await listVolumes(this.#environment.stateDir, home)];
  }

  async *logs(
    name: string,
    options: { readonly follow: boolean; readonly after?: string } & CallOptions,
  ): AsyncGenerator<LoggedChunk> {
    const paths = this.#paths(name);
    const process = await readProcess(paths);
    yield* readKeptOutput(paths, {
      ...options,
      isRunning: () => process !== undefined && isAlive(process),
      endForLackOfDisk: () => process !== undefined && signalProcess(process, "SIGKILL"),
    });
  }

  async exec(name: string, spec: ExecSpec, { signal }: CallOptions = {}): Promise<Exec> {
    const paths = this.#paths(name);
    const process = await readProcess(paths);
    if (process === undefined || !isAlive(process)) {
      throw new MoatError(`Cannot execute a command in sandbox "${name}": it is not running`);
    }
    signal?.throwIfAborted();
    const record = await readRecord(paths);
    const isCompanion = record !== undefined && COMPANIONS.includes(roleOf(record));
    return await execInSandbox({ ...spec, ...(isCompanion ? COMPANION_USER : {}) }, {
      name,
      process,
      arch: this.#environment.arch,
      switchesUser: !isCompanion && switchesUser(record?.uid ?? 0),
      secretEnv: await readSecretEnv(paths),
    });
  }

  async dial(name: string, port: number, options: CallOptions = {}): Promise<ByteStream> {
    return await this.#dialer.dial(name, port, options);
  }

  async residentBytes(name: string): Promise<number | undefined> {
    const process = await readProcess(this.#paths(name));
    return process !== undefined && isAlive(process) ? residentBytes(process.pid) : undefined;
  }

  async accept(name: string, port: number, options: AcceptOptions): Promise<InsidePort> {
    options.signal?.throwIfAborted();
    const process = await readProcess(this.#paths(name));
    if (process === undefined || !isAlive(process)) {
      throw new MoatError(`Cannot listen on port ${port} in sandbox "${name}": it is not running`);
    }
    const { arch } = this.#environment;
    return await acceptInSandbox(name, { ...options, port, process, arch });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#started.values()];
    this.#started.clear();
    await Promise.all(all.map(async ({ attachment, network }) => {
      if (attachment !== undefined) await network[Symbol.asyncDispose]();
    }));
  }

  async #createCompanion(spec: CompanionSpec, { signal }: CallOptions = {}): Promise<void> {
    const paths = this.#paths(spec.name);
    await createSandbox(companionSandbox(spec), {
      paths,
      volumes: volumesDirectory(this.#environment.stateDir),
      backend: this.#options.backend,
      switchesUser: false,
      prepare: () => writeCompanionFiles(spec, paths),
      signal,
    });
    try {
      await this.#networks.ensure(spec.runId);
      signal?.throwIfAborted();
    } catch (error) {
      await this.remove({ kind: "container", name: spec.name });
      throw error;
    }
  }

  async #startCompanion(spec: CompanionSpec, { signal }: CallOptions = {}): Promise<void> {
    const sharedNetwork = await this.#networks.find(spec.runId);
    if (sharedNetwork === undefined) {
      throw new MoatError(`Cannot start service "${spec.name}": the run's network is gone`);
    }
    const sandbox = companionSandbox(spec);
    const started = await startSandbox(sandbox, {
      ...this.#startOptions(sandbox),
      backend: this.#options.backend,
      switchesUser: false,
      sharedNetwork,
      companion: companionLayout(spec, this.#paths(spec.name)),
      signal,
    });
    started.child.unref();
    this.#started.set(spec.name, started);
  }

  #startOptions({ name }: ContainerSpec) {
    const { stateDir, env, arch } = this.#environment;
    return {
      paths: this.#paths(name),
      volumes: volumesDirectory(stateDir),
      bubblewrap: this.#options.bubblewrap,
      arch,
      env,
      without: this.#options.without ?? [],
    };
  }

  /** bubblewrap maps one id: root's files would be what the command writes for another owner. */
  #backendFor({ uid }: ContainerSpec): Backend {
    return switchesUser(uid) ? "unshare" : this.#options.backend;
  }

  #paths(name: string): SandboxPaths {
    return sandboxPaths(this.#environment.stateDir, name);
  }
}

const ROLES: readonly Role[] = ["run", "service", "sidecar", "network", "volume", "probe"];
const COMPANIONS: readonly Role[] = ["service", "sidecar"];

function roleOf({ labels }: SandboxRecord): Role {
  return ROLES.find((role) => role === labels[LABEL.role]) ?? "run";
}

/** Root's sandbox for another user. */
function switchesUser(uid: number): boolean {
  return Deno.uid() === 0 && uid !== 0;
}

/** Waits for a child that was let go of; one that has ended meanwhile cannot be held on to again. */
async function endOf(child: Deno.ChildProcess): Promise<void> {
  try {
    child.ref();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
  await child.status;
}
