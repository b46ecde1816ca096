/**
 * A runtime whose engine is a directory: what it creates are files, so that several processes see
 * the same, and a test can look at what is left.
 *
 * A command ends when somebody writes its exit code (`endCommand()`), or stops it. Whoever dials a
 * companion is taken as long as it runs.
 *
 * @module
 */

import { join } from "node:path";
import { delay } from "../../core/delay.ts";
import { MoatError } from "../../core/errors.ts";
import { LABEL, type Role, runIdFromLabels } from "../../core/ids.ts";
import type { RuntimePlugin } from "../../core/plugin/contract.ts";
import type {
  ByteStream,
  ContainerState,
  LoggedChunk,
  OwnedResource,
  Resource,
  ResourceKind,
  Runtime,
} from "../../core/plugin/runtime.ts";

const KINDS: readonly ResourceKind[] = ["container", "network", "volume"];
const ROLES: readonly Role[] = ["run", "service", "sidecar", "network", "volume", "probe"];
const POLL_MS = 5;

/** Names of everything on the engine, such as `container moat-run_…`. */
export function engineObjects(directory: string): readonly string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name)
      .filter((name) => KINDS.some((kind) => name.startsWith(`${kind} `))).toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Ends a command with this code. */
export async function endCommand(directory: string, name: string, code = 0): Promise<void> {
  await writeWhole(join(directory, `exit ${name}`), String(code));
}

/** Adds to the output that the engine keeps. */
export async function writeOutput(directory: string, name: string, text: string): Promise<void> {
  await Deno.writeTextFile(join(directory, `output ${name}`), text, { append: true });
}

/** Where programs inside connect to a port that is accepted; nothing is there when it is not. */
export function insidePath(directory: string, name: string, port: number): string {
  return join(directory, `inside ${name} ${port}`);
}

/** The plugin `fake`; its target is the directory. */
export const directoryRuntime: RuntimePlugin = {
  kind: "runtime",
  id: "fake",
  summary: "A directory",
  probe: () => Promise.resolve({ kind: "unavailable", reason: "for tests", hint: "none" }),
  open: (_, target) => openDirectoryRuntime(target),
};

/** Opens the engine. */
export async function openDirectoryRuntime(directory: string): Promise<Runtime> {
  await Deno.mkdir(directory, { recursive: true });
  const path = (resource: Resource) => join(directory, `${resource.kind} ${resource.name}`);
  const create = async (resource: Resource, labels: Readonly<Record<string, string>>) => {
    await writeWhole(path(resource), JSON.stringify({ labels, status: "created" }));
  };
  const exitCode = async (name: string) => {
    const text = await readIfThere(join(directory, `exit ${name}`));
    return text === undefined ? undefined : { code: Number(text), oomKilled: false };
  };
  const container = (name: string): Resource => ({ kind: "container", name });
  const wait: Runtime["wait"] = async (name, { signal } = {}) => {
    for (;;) {
      const exit = await exitCode(name);
      if (exit !== undefined) return exit;
      if (await readIfThere(path(container(name))) === undefined) {
        throw new MoatError(`Cannot wait for container "${name}": it is gone`);
      }
      await delay(POLL_MS, signal);
    }
  };
  return {
    id: "fake",
    target: directory,
    images: undefined,
    networks: {
      async create({ name, subnet, labels }) {
        for (const other of engineObjects(directory)) {
          const text = await readIfThere(join(directory, other));
          if (text === undefined || Object(JSON.parse(text)).labels.subnet !== subnet) continue;
          throw new MoatError(`Cannot create network "${name}": ${subnet} overlaps ${other}`);
        }
        await create({ kind: "network", name }, { ...labels, subnet });
      },
    },
    volumes: undefined,
    reattach: undefined,
    companions: {
      addressing: "subnet",
      create: ({ name, labels }) => create(container(name), labels),
      start: ({ name, labels }) =>
        writeWhole(path(container(name)), JSON.stringify({ labels, status: "running" })),
    },
    async dial(name, port) {
      if (await exitCode(name) !== undefined) throw new MoatError(`Cannot dial "${name}"`);
      // A free port that a test was given: its server stands for a program of the run.
      if (port >= 10_000) return await Deno.connect({ hostname: "127.0.0.1", port });
      return silentStream();
    },
    supervise: undefined,
    async accept(name, port, { serve }) {
      const path = insidePath(directory, name, port);
      if (await isTaken(path)) {
        throw new MoatError(`Cannot accept port ${port} of container "${name}": it is in use`);
      }
      await removeIfThere(path);
      const listener = Deno.listen({ transport: "unix", path });
      const accepting = (async () => {
        try {
          for await (const connection of listener) serve(connection);
        } catch (error) {
          if (!(error instanceof Deno.errors.BadResource)) throw error;
        }
      })();
      return {
        ended: accepting,
        async [Symbol.asyncDispose]() {
          await removeIfThere(path);
          listener.close();
          await accepting;
        },
      };
    },
    privileged: undefined,
    create: ({ name, labels }) => create(container(name), labels),
    async start({ name, labels }) {
      await writeWhole(path(container(name)), JSON.stringify({ labels, status: "running" }));
      return undefined;
    },
    wait,
    async stop(name) {
      if (await readIfThere(path(container(name))) === undefined) return;
      if (await exitCode(name) === undefined) await endCommand(directory, name, 143);
    },
    async kill(name) {
      await endCommand(directory, name, 137);
    },
    async remove(resource) {
      const files = [path(resource)];
      if (resource.kind === "container") {
        files.push(join(directory, `exit ${resource.name}`));
        files.push(join(directory, `output ${resource.name}`));
      }
      for (const file of files) await removeIfThere(file);
    },
    async inspect(name): Promise<ContainerState | undefined> {
      const text = await readIfThere(path(container(name)));
      if (text === undefined) return undefined;
      const exit = await exitCode(name);
      const running = Object(JSON.parse(text)).status === "running";
      return {
        name,
        status: exit !== undefined ? "exited" : running ? "running" : "created",
        ...(exit === undefined ? {} : { exit }),
        isolation: "container",
        isolatedBy: "a directory",
        addresses: [],
      };
    },
    async list(home): Promise<readonly OwnedResource[]> {
      const owned: OwnedResource[] = [];
      for (const entry of engineObjects(directory)) {
        const text = await readIfThere(join(directory, entry));
        if (text === undefined) continue;
        const { labels } = Object(JSON.parse(text));
        const runId = runIdFromLabels(labels, home);
        const kind = KINDS.find((one) => entry.startsWith(`${one} `));
        const role = ROLES.find((one) => one === labels[LABEL.role]);
        if (runId === undefined || kind === undefined || role === undefined) continue;
        owned.push({ kind, name: entry.slice(kind.length + 1), runId, role, running: false });
      }
      return owned;
    },
    async *logs(name, { follow, after, signal }): AsyncGenerator<LoggedChunk> {
      let offset = Number(after ?? 0);
      for (;;) {
        const ended = !follow || await exitCode(name) !== undefined;
        const data = (await readBytes(join(directory, `output ${name}`))).subarray(offset);
        offset += data.length;
        if (data.length > 0) {
          yield { stream: "stdout", data, time: new Date(), cursor: String(offset) };
        }
        if (ended) return;
        await delay(POLL_MS, signal);
      }
    },
    exec: () => Promise.reject(new MoatError("Cannot exec: a directory runs nothing")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A socket that a killed process left behind is nobody's. */
async function isTaken(path: string): Promise<boolean> {
  try {
    using _ = await Deno.connect({ transport: "unix", path });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** A connection that is taken, and says nothing until it is closed. */
function silentStream(): ByteStream {
  const closed = Promise.withResolvers<null>();
  const close = () => closed.resolve(null);
  return {
    read: () => closed.promise,
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close,
    [Symbol.dispose]: close,
  };
}

/** Readers see all of it or nothing. */
async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.${crypto.randomUUID()}.part`.replace(/(container|network|volume) /, "$1-");
  await Deno.writeTextFile(part, text);
  await Deno.rename(part, path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
