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
  Attachment,
  CallOptions,
  ContainerSpec,
  ContainerState,
  Exec,
  ExecSpec,
  ExitStatus,
  Images,
  LoggedChunk,
  Networks,
  OutputChunk,
  OwnedResource,
  Reattach,
  Resource,
  ResourceKind,
  Runtime,
  Volumes,
} from "../../core/plugin/runtime.ts";
import { Channel } from "./channel.ts";
import { FakeProcess } from "./fake_process.ts";

interface FakeContainer {
  readonly spec: ContainerSpec;
  readonly files: Map<string, string>;
  readonly watchers: Set<Channel<OutputChunk>>;
  readonly kept: LoggedChunk[];
  readonly keptChanged: { promise: Promise<void>; resolve(): void };
  process?: FakeProcess;
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
  readonly #containers = new Map<string, FakeContainer>();
  readonly #others = new Map<string, { kind: ResourceKind; labels: Record<string, string> }>();
  readonly #images = new Set<string>();

  readonly images: Images = {
    exists: (ref) => Promise.resolve(this.#images.has(ref)),
    id: (ref) => Promise.resolve(this.#images.has(ref) ? `sha256:${ref}` : undefined),
    pull: (ref) => {
      this.calls.push(`pull ${ref}`);
      this.#images.add(ref);
      return Promise.resolve();
    },
    listOwn: () => Promise.resolve([...this.#images].filter((ref) => ref.startsWith("moat/"))),
    untag: (ref) => {
      this.calls.push(`untag ${ref}`);
      if ([...this.#containers.values()].some(({ spec }) => spec.image === ref)) {
        return Promise.resolve(false);
      }
      this.#images.delete(ref);
      return Promise.resolve(true);
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

  readonly companions = undefined;
  readonly dial = undefined;
  readonly reattach: Reattach = {
    attach: (name) => {
      const container = this.#containers.get(name);
      if (container?.process === undefined || container.exit !== undefined) {
        return Promise.reject(new MoatError(`Cannot attach to container "${name}": not running`));
      }
      return Promise.resolve(attach(container, container.process));
    },
  };

  async create(spec: ContainerSpec, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#containers.has(spec.name)) {
      throw new MoatError(`Cannot create container "${spec.name}": the name is in use`);
    }
    this.calls.push(`create ${spec.name}`);
    await Promise.resolve();
    signal?.throwIfAborted();
    this.#containers.set(spec.name, {
      spec,
      files: new Map(),
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
    this.calls.push(`start ${name}`);
    const { spec } = container;
    const process = new FakeProcess({
      ...spec,
      size: spec.size,
      files: container.files,
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
    this.calls.push(`stop ${name}`);
    const process = this.#containers.get(name)?.process;
    if (process === undefined) return;
    process.signal("TERM");
    const timer = setTimeout(() => process.signal("KILL"), graceMs);
    await process.exited;
    clearTimeout(timer);
  }

  kill(name: string, signal: string): Promise<void> {
    this.calls.push(`kill ${name} ${signal}`);
    this.#containers.get(name)?.process?.signal(signal.replace(/^SIG/, ""));
    return Promise.resolve();
  }

  async remove({ kind, name }: Resource): Promise<void> {
    this.calls.push(`remove ${kind} ${name}`);
    if (kind !== "container") {
      this.#others.delete(`${kind} ${name}`);
      return;
    }
    const container = this.#containers.get(name);
    container?.process?.signal("KILL");
    await container?.process?.exited;
    this.#containers.delete(name);
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
      addresses: [],
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

  exec(name: string, spec: ExecSpec): Promise<Exec> {
    const container = this.#get(name, "run a command in");
    if (container.exit !== undefined) {
      return Promise.reject(
        new MoatError(`Cannot run a command in container "${name}": it is not running`),
      );
    }
    this.calls.push(`exec ${name}`);
    const output = new Channel<OutputChunk>();
    const process = new FakeProcess({
      ...spec,
      size: spec.size,
      mounts: container.spec.mounts,
      files: container.files,
      output: (chunk) => Promise.resolve(output.push(chunk)),
    });
    process.exited.then(() => output.close());
    return Promise.resolve({
      attachment: attachmentOf(process, output),
      wait: async () => ({ code: await process.exited, oomKilled: false }),
      kill: (signal) => Promise.resolve(process.signal(signal.replace(/^SIG/, ""))),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#containers.values()) {
      process?.signal("KILL");
      await process?.exited;
    }
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
  container.exit = { code, oomKilled: false };
  container.finishedAt = new Date();
  for (const watcher of container.watchers) watcher.close();
  wake(container.keptChanged);
}

function wake(changed: FakeContainer["keptChanged"]): void {
  changed.resolve();
  Object.assign(changed, Promise.withResolvers<void>());
}
