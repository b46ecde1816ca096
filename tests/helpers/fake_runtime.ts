/**
 * A runtime in memory that passes the runtime contract, for tests of everything above runtimes.
 *
 * It interprets the contract's programs and runs nothing else; `calls` tells what was asked of it.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { LABEL, type Role, runIdFromLabels } from "../../core/ids.ts";
import type {
  AcceptOptions,
  Attachment,
  ByteStream,
  CallOptions,
  Companions,
  CompanionSpec,
  ContainerSpec,
  ContainerState,
  Exec,
  ExecSpec,
  ExitStatus,
  Images,
  InsidePort,
  LoggedChunk,
  Networks,
  OutputChunk,
  OwnedResource,
  Reattach,
  Resource,
  ResourceKind,
  Runtime,
  SnapshotImage,
  Volumes,
} from "../../core/plugin/runtime.ts";
import { Channel } from "./channel.ts";
import { parseProgram } from "../contracts/programs.ts";
import { type FakeHandler, type FakeNetwork, FakeProcess } from "./fake_process.ts";
import type { FakeService } from "./fake_service.ts";
import { streamPair } from "./stream_pair.ts";

interface FakeContainer {
  readonly spec: ContainerSpec;
  /** There for a companion. */
  readonly companion?: CompanionSpec;
  readonly files: Map<string, string>;
  readonly modes: Map<string, number>;
  readonly ports: Map<number, FakeHandler>;
  readonly watchers: Set<Channel<OutputChunk>>;
  readonly kept: LoggedChunk[];
  readonly keptChanged: { promise: Promise<void>; resolve(): void };
  process?: FakeProcess;
  oomKilled?: boolean;
  exit?: ExitStatus;
  startedAt?: Date;
  finishedAt?: Date;
}

const ROLES: readonly Role[] = ["run", "service", "sidecar", "network", "volume", "probe"];

/** Engines keep long lines in pieces; so does the fake. */
const KEPT_PIECE_BYTES = 16 * 1024;

/** In memory, one for each test. */
export class FakeRuntime implements Runtime {
  readonly id = "fake";
  readonly target = "fake:";
  readonly supervise = undefined;
  readonly privileged = true;
  /** Method and subject of each call that changes something, in order. */
  readonly calls: string[] = [];
  /** What companions do that run no program of the contract's, by the service's name. */
  readonly services = new Map<string, FakeService>();
  /** Called with each call before it does anything; what it throws is the call's failure. */
  before: ((call: string) => void | Promise<void>) | undefined;
  readonly #containers = new Map<string, FakeContainer>();
  readonly #others = new Map<string, { kind: ResourceKind; labels: Record<string, string> }>();
  /** Files of images that were made here; those of pulled ones are not known. */
  readonly #images = new Map<string, ReadonlyMap<string, string>>();

  readonly images: Images = {
    exists: (ref) => Promise.resolve(this.#images.has(ref)),
    id: (ref) => Promise.resolve(this.#images.has(ref) ? `sha256:${ref}` : undefined),
    pull: async (ref) => {
      await this.#record(`pull ${ref}`);
      if (ref.startsWith("localhost:1/")) {
        throw new MoatError(`Cannot pull image "${ref}": nothing answers there`);
      }
      this.#images.set(ref, new Map());
    },
    listOwn: () =>
      Promise.resolve([...this.#images.keys()].filter((ref) => ref.startsWith("moat/"))),
    untag: async (ref) => {
      await this.#record(`untag ${ref}`);
      if ([...this.#containers.values()].some(({ spec }) => spec.image === ref)) return false;
      this.#images.delete(ref);
      return true;
    },
  };

  readonly networks: Networks = {
    create: ({ name, labels }) => this.#addOther("network", name, labels),
  };

  readonly volumes: Volumes = {
    ensure: async ({ name, labels }) => {
      const there = this.#others.get(`volume ${name}`);
      if (there !== undefined) return there.labels;
      await this.#addOther("volume", name, labels);
      return labels;
    },
  };

  readonly companions: Companions = {
    addressing: "subnet",
    create: (spec, options) => this.#create(asContainer(spec), { companion: spec, ...options }),
    start: async (spec, options) => void await this.start(asContainer(spec), options),
    snapshot: (name, image) => this.#snapshot(name, image),
  };

  readonly reattach: Reattach = {
    attach: (name) => {
      const container = this.#containers.get(name);
      if (container?.process === undefined || container.exit !== undefined) {
        return Promise.reject(new MoatError(`Cannot attach to container "${name}": not running`));
      }
      return Promise.resolve(attach(container, container.process));
    },
  };

  create(spec: ContainerSpec, options: CallOptions = {}): Promise<void> {
    return this.#create(spec, options);
  }

  async #create(
    spec: ContainerSpec,
    { signal, companion }: CallOptions & { readonly companion?: CompanionSpec },
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#containers.has(spec.name)) {
      throw new MoatError(`Cannot create container "${spec.name}": the name is in use`);
    }
    await this.#record(`create ${spec.name}`);
    await Promise.resolve();
    signal?.throwIfAborted();
    const files = new Map(this.#images.get(spec.image ?? ""));
    const modes = new Map<string, number>();
    if (spec.authority !== undefined) {
      const { certificate, file, bundle = file } = spec.authority;
      files.set(bundle, `\n${certificate}`);
      files.set(file, certificate);
    }
    for (const { path, content, mode } of companion?.files ?? []) {
      files.set(path, content);
      modes.set(path, mode);
    }
    this.#containers.set(spec.name, {
      spec,
      ...(companion && { companion }),
      files,
      modes,
      ports: new Map(),
      watchers: new Set(),
      kept: [],
      keptChanged: Promise.withResolvers<void>(),
    });
  }

  async start({ name }: ContainerSpec, { signal }: CallOptions = {}): Promise<
    Attachment | undefined
  > {
    signal?.throwIfAborted();
    const container = this.#get(name, "start");
    await this.#record(`start ${name}`);
    const { spec } = container;
    const service = this.#serviceOf(container);
    if (service?.exit?.oomKilled) container.oomKilled = true;
    const process = new FakeProcess({
      ...spec,
      env: { ...spec.authority?.env, ...spec.env, ...spec.secretEnv },
      size: spec.size,
      files: container.files,
      modes: container.modes,
      network: this.#networkOf(container),
      service,
      output: (chunk) => Promise.resolve(deliver(container, chunk)),
    });
    const attachment = spec.detached ? undefined : attach(container, process);
    container.process = process;
    container.startedAt = new Date();
    process.exited.then((code) => end(container, code));
    return await Promise.resolve(attachment);
  }

  async wait(name: string, { signal }: CallOptions = {}): Promise<ExitStatus> {
    const container = this.#get(name, "wait for");
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    try {
      await Promise.race([container.process?.exited, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return container.exit ?? { code: 0, oomKilled: false };
  }

  async stop(
    name: string,
    { graceMs = 10_000 }: { readonly graceMs?: number } & CallOptions = {},
  ): Promise<void> {
    await this.#record(`stop ${name}`);
    const process = this.#containers.get(name)?.process;
    if (process === undefined) return;
    process.signal("TERM");
    const timer = setTimeout(() => process.signal("KILL"), graceMs);
    await process.exited;
    clearTimeout(timer);
  }

  async kill(name: string, signal: string): Promise<void> {
    await this.#record(`kill ${name} ${signal}`);
    this.#containers.get(name)?.process?.signal(signal.replace(/^SIG/, ""));
  }

  /** Lets a running container end by itself, as a server that dies. */
  async end(name: string, { code, oomKilled }: ExitStatus): Promise<void> {
    const container = this.#get(name, "end");
    container.oomKilled = oomKilled;
    container.process?.end(code);
    await container.process?.exited;
  }

  async dial(name: string, port: number, { signal }: CallOptions = {}): Promise<ByteStream> {
    signal?.throwIfAborted();
    const doing = `connect to port ${port} of container "${name}"`;
    const container = this.#containers.get(name);
    if (container?.process === undefined || container.exit !== undefined) {
      throw new MoatError(`Cannot ${doing}: it is not running`);
    }
    await Promise.resolve();
    signal?.throwIfAborted();
    const stream = connectTo(container, port);
    if (stream === undefined) throw new MoatError(`Cannot ${doing}: nothing listens there`);
    return stream;
  }

  async accept(
    name: string,
    port: number,
    { serve, signal }: AcceptOptions,
  ): Promise<InsidePort> {
    signal?.throwIfAborted();
    const doing = `listen on port ${port} in container "${name}"`;
    const container = this.#containers.get(name);
    if (container?.process === undefined || container.exit !== undefined) {
      throw new MoatError(`Cannot ${doing}: it is not running`);
    }
    if (container.ports.has(port)) {
      throw new MoatError(`Cannot ${doing}: something in there listens on it already`);
    }
    await this.#record(`accept ${name} ${port}`);
    signal?.throwIfAborted();
    return acceptAt(container, { port, serve });
  }

  /** Connects inside, as the command would; `undefined` when nothing listens there. */
  connectInside(name: string, port: number): ByteStream | undefined {
    const container = this.#containers.get(name);
    return container && connectTo(container, port);
  }

  async remove({ kind, name }: Resource): Promise<void> {
    await this.#record(`remove ${kind} ${name}`);
    if (kind !== "container") {
      this.#others.delete(`${kind} ${name}`);
      return;
    }
    const container = this.#containers.get(name);
    container?.process?.signal("KILL");
    await container?.process?.exited;
    this.#containers.delete(name);
  }

  residentBytes(name: string): Promise<number | undefined> {
    const container = this.#containers.get(name);
    const runs = container?.process !== undefined && container.exit === undefined;
    return Promise.resolve(runs ? 1024 ** 2 : undefined);
  }

  inspect(name: string): Promise<ContainerState | undefined> {
    const container = this.#containers.get(name);
    if (container === undefined) return Promise.resolve(undefined);
    const { spec, process, exit, startedAt, finishedAt } = container;
    return Promise.resolve({
      name,
      status: exit !== undefined ? "exited" : process === undefined ? "created" : "running",
      ...(exit && { exit }),
      ...(startedAt && { startedAt }),
      ...(finishedAt && { finishedAt }),
      isolation: spec.isolation,
      isolatedBy: "fake",
      addresses: addressesOf(spec),
    });
  }

  list(home: string): Promise<readonly OwnedResource[]> {
    const containers = [...this.#containers.values()].map(({ spec, process, exit }) => ({
      kind: "container" as const,
      name: spec.name,
      labels: spec.labels,
      running: process !== undefined && exit === undefined,
    }));
    const others = [...this.#others].map(([key, { kind, labels }]) => ({
      kind,
      name: key.slice(kind.length + 1),
      labels,
      running: false,
    }));
    return Promise.resolve([...containers, ...others].flatMap(({ labels, ...resource }) => {
      const runId = runIdFromLabels(labels, home);
      const role = ROLES.find((known) => known === labels[LABEL.role]);
      return runId === undefined || role === undefined ? [] : [{ ...resource, runId, role }];
    }));
  }

  async *logs(
    name: string,
    { follow, after, signal }: { readonly follow: boolean; readonly after?: string } & CallOptions,
  ): AsyncGenerator<LoggedChunk, void, void> {
    const container = this.#get(name, "read the output of");
    const aborted = Promise.withResolvers<void>();
    signal?.addEventListener("abort", () => aborted.resolve());
    for (let at = after === undefined ? 0 : Number(after) + 1;;) {
      signal?.throwIfAborted();
      const chunk = container.kept[at];
      if (chunk !== undefined) {
        yield chunk;
        at++;
      } else if (!follow || container.exit !== undefined) return;
      else await Promise.race([container.keptChanged.promise, aborted.promise]);
    }
  }

  async exec(name: string, spec: ExecSpec): Promise<Exec> {
    const container = this.#get(name, "run a command in");
    if (container.exit !== undefined) {
      throw new MoatError(`Cannot run a command in container "${name}": it is not running`);
    }
    await this.#record(`exec ${name}`);
    const service = this.#serviceOf(container);
    const output = new Channel<OutputChunk>();
    const process = new FakeProcess({
      ...spec,
      env: {
        ...container.spec.authority?.env,
        ...container.spec.env,
        ...container.spec.secretEnv,
        ...spec.env,
      },
      size: spec.size,
      mounts: container.spec.mounts,
      files: container.files,
      modes: container.modes,
      network: this.#networkOf(container),
      ...(service && { answer: service.exec ?? (() => ({ code: 0 })) }),
      output: (chunk) => Promise.resolve(output.push(chunk)),
    });
    process.exited.then(() => output.close());
    return {
      attachment: attachmentOf(process, output),
      wait: async () => ({ code: await process.exited, oomKilled: false }),
      kill: (signal) => Promise.resolve(process.signal(signal.replace(/^SIG/, ""))),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#containers.values()) {
      process?.signal("KILL");
      await process?.exited;
    }
  }

  async #record(call: string): Promise<void> {
    this.calls.push(call);
    await this.before?.(call);
  }

  /** What a companion does unless it runs a program of the contract's. */
  #serviceOf({ spec, companion }: FakeContainer): FakeService | undefined {
    if (companion === undefined || parseProgram(spec.command) !== undefined) return undefined;
    const short = spec.name.replace(/^moat-/, "").replace(/-run_.*$/, "");
    return this.services.get(short) ?? {};
  }

  #networkOf(container: FakeContainer): FakeNetwork {
    return {
      isAlone: container.spec.network.kind === "none",
      listen: (port, handler) => {
        container.ports.set(port, handler);
        return () => {
          if (container.ports.get(port) === handler) container.ports.delete(port);
        };
      },
      connect: (host, port) => {
        if (host === "127.0.0.1") return connectTo(container, port);
        const address = container.spec.hosts.find(({ name }) => name === host)?.address ?? host;
        const peer = [...this.#containers.values()].find(({ spec, exit }) =>
          exit === undefined && networkOf(spec) === networkOf(container.spec) &&
          addressesOf(spec).includes(address)
        );
        return peer && connectTo(peer, port);
      },
    };
  }

  async #snapshot(name: string, { ref, directory }: SnapshotImage): Promise<void> {
    const { files } = this.#get(name, "keep");
    await this.#record(`snapshot ${name} ${ref}`);
    const kept = [...files].filter(([path]) => path.startsWith(`${directory}/`));
    this.#images.set(ref, new Map(kept));
  }

  #get(name: string, doing: string): FakeContainer {
    const container = this.#containers.get(name);
    if (container !== undefined) return container;
    throw new MoatError(`Cannot ${doing} container "${name}": it is not there`);
  }

  #addOther(
    kind: ResourceKind,
    name: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<void> {
    this.calls.push(`create ${kind} ${name}`);
    if (this.#others.has(`${kind} ${name}`)) {
      return Promise.reject(new MoatError(`Cannot create ${kind} "${name}": the name is in use`));
    }
    this.#others.set(`${kind} ${name}`, { kind, labels: { ...labels } });
    return Promise.resolve();
  }
}

/** A companion as the container that the fake makes of it. */
function asContainer(spec: CompanionSpec): ContainerSpec {
  const { entrypoint = [], command = [], isolation = "container", ...shared } = spec;
  return {
    ...shared,
    command: [...entrypoint, ...command],
    isolation,
    network: { kind: "own", ...spec.network },
    workdir: "/",
    uid: 0,
    gid: 0,
    groups: [],
    tty: false,
    stdin: false,
    detached: true,
  };
}

function networkOf({ network }: ContainerSpec): string {
  return network.kind === "own" ? network.name : network.kind;
}

function addressesOf({ network }: ContainerSpec): readonly string[] {
  return network.kind === "own" && network.address !== undefined ? [network.address] : [];
}

function connectTo({ ports, exit }: FakeContainer, port: number): ByteStream | undefined {
  const handler = exit === undefined ? ports.get(port) : undefined;
  if (handler === undefined) return undefined;
  const [near, far] = streamPair();
  // A peer that closes early fails the handler's writes, which is nobody's fault.
  Promise.resolve(handler(far)).catch(() => {}).finally(() => far[Symbol.dispose]());
  return near;
}

function acceptAt(
  { ports, process }: FakeContainer,
  { port, serve }: { readonly port: number; serve(stream: ByteStream): void },
): InsidePort {
  const open = new Set<ByteStream>();
  const ended = Promise.withResolvers<void>();
  function handler(peer: ByteStream): Promise<void> {
    const over = Promise.withResolvers<void>();
    const close = () => {
      open.delete(stream);
      peer.close();
      over.resolve();
    };
    const stream = { ...peer, close, [Symbol.dispose]: close };
    open.add(stream);
    serve(stream);
    return over.promise;
  }
  function end(): void {
    if (ports.get(port) === handler) ports.delete(port);
    for (const stream of open) stream.close();
    ended.resolve();
  }
  ports.set(port, handler);
  process?.exited.then(end);
  return {
    ended: ended.promise,
    [Symbol.asyncDispose]: () => Promise.resolve(end()),
  };
}

function attach(container: FakeContainer, process: FakeProcess): Attachment {
  const output = new Channel<OutputChunk>();
  container.watchers.add(output);
  return attachmentOf(process, output);
}

function attachmentOf(process: FakeProcess, output: Channel<OutputChunk>): Attachment {
  return {
    output,
    write: (data) => Promise.resolve(process.write(data)),
    closeInput: () => Promise.resolve(process.closeInput()),
    resize: (size) => Promise.resolve(process.resize(size)),
    [Symbol.asyncDispose]: () => Promise.resolve(output.close()),
  };
}

function deliver(container: FakeContainer, chunk: OutputChunk): void {
  for (const watcher of container.watchers) watcher.push(chunk);
  const { spec, kept, keptChanged } = container;
  if (!spec.detached && !spec.tty) return;
  for (let at = 0; at < chunk.data.length; at += KEPT_PIECE_BYTES) {
    const data = chunk.data.subarray(at, at + KEPT_PIECE_BYTES);
    kept.push({ stream: chunk.stream, data, time: new Date(), cursor: String(kept.length) });
  }
  wake(keptChanged);
}

function end(container: FakeContainer, code: number): void {
  container.exit = { code, oomKilled: container.oomKilled ?? false };
  container.ports.clear();
  container.finishedAt = new Date();
  for (const watcher of container.watchers) watcher.close();
  wake(container.keptChanged);
}

function wake(changed: FakeContainer["keptChanged"]): void {
  changed.resolve();
  Object.assign(changed, Promise.withResolvers<void>());
}
