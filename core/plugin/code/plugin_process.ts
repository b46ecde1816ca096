/**
 * A plugin that is code as moat sees it: started in a sandbox, asked, ended.
 *
 * Whatever the plugin does ends the plugin alone, with an error that names it.
 *
 * @module
 */

import { type Context, runtimeEnvironment } from "../../context.ts";
import { printable } from "../../cli/table.ts";
import { describeError, MoatError } from "../../errors.ts";
import type { DependencyEntry, HostProbe } from "../contribution.ts";
import { CODE_CONTRACT, type Manifest } from "../manifest.ts";
import { type ManifestPermissions, serverOf } from "../permissions.ts";
import type { Attachment, ContainerSpec, Runtime } from "../runtime.ts";
import { makeTemporaryDirectory, removeDeadDirectories } from "../temporary_directory.ts";
import { findPrograms, openCache } from "./code_access.ts";
import { codeSandboxSpec } from "./code_sandbox.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import {
  CACHE_DIRECTORY,
  type CodeTarget,
  MAX_RESIDENT_BYTES,
  PLUGIN_DIRECTORY,
  type PluginMay,
  type PluginMessage,
  type PluginOrder,
  readMessage,
} from "./plugin_protocol.ts";

/** Time for the sandbox, which is moat's own doing. */
const START_TIMEOUT_MS = 30_000;

/** Time for the module to be imported, and for each answer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** How often its memory is looked at from outside. */
const WATCH_EVERY_MS = 50;

/** What is kept of what it writes to its standard error. */
const MAX_SAID = 500;

/** A plugin to start. */
export interface PluginCode {
  readonly manifest: Pick<Manifest, "id" | "entry" | "permissions">;
  /** Its files on this machine. */
  readonly directory: string;
  /** Its own directory, where it may write one; absent: one that goes with this process. */
  readonly cache?: string;
}

/** A running plugin. Disposing of it ends it with everything that it started. */
export class PluginProcess implements AsyncDisposable {
  readonly #id: string;
  readonly #attachment: Attachment;
  readonly #messages: AsyncIterator<PluginMessage>;
  readonly #undo: AsyncDisposableStack;
  readonly #signal: AbortSignal;
  #said = "";
  /** Why it was ended from outside. */
  #ended: MoatError | undefined;

  private constructor(
    id: string,
    { attachment, undo, signal }: {
      readonly attachment: Attachment;
      readonly undo: AsyncDisposableStack;
      readonly signal: AbortSignal;
    },
  ) {
    this.#id = id;
    this.#attachment = attachment;
    this.#undo = undo;
    this.#signal = signal;
    this.#messages = this.#read();
  }

  /** Starts it. @throws MoatError naming the plugin, also where no sandbox works */
  static async start(code: PluginCode, context: Context): Promise<PluginProcess> {
    const { id, entry = "", permissions = {} } = code.manifest;
    await using undo = new AsyncDisposableStack();
    const tidying = removeDeadDirectories();
    // Nobody waits for it before the end, which tells what was wrong.
    tidying.catch(() => {});
    undo.defer(() => tidying);
    const { path: state } = undo.use(await makeTemporaryDirectory());
    const { runtime, probe } = await openSandboxes(id, { context, state });
    undo.use(runtime);
    const { write = [], run = [] } = permissions;
    const cache = write.length === 0 ? undefined : code.cache ?? `${state}/cache`;
    if (cache !== undefined) undo.use(await openCache(cache));
    const spec = await codeSandboxSpec({
      directory: code.directory,
      permissions,
      programs: await findPrograms(run, probe),
      ...(cache === undefined ? {} : { cache }),
    }, context);
    const { signal } = context;
    const attachment = await startSandbox(id, { runtime, spec, undo, signal });
    const process = new PluginProcess(id, { attachment, undo: undo.move(), signal });
    process.#watch(runtime, spec);
    try {
      const module = `file://${PLUGIN_DIRECTORY}/${entry}`;
      const writing = attachment.write(encodeFrame({ module, may: mayDo(permissions) }));
      // Heard below, unless it never gets ready.
      writing.catch(() => {});
      const ready = await process.#next(START_TIMEOUT_MS);
      if (ready.kind !== "ready") throw process.#error("it does not answer as it must");
      if (ready.contract !== CODE_CONTRACT) {
        throw process.#error(`it speaks contract ${ready.contract}, this is ${CODE_CONTRACT}`);
      }
      const [loaded] = await Promise.all([process.#answer(), writing]);
      if (loaded.kind !== "loaded") throw process.#error("it does not answer as it must");
      return process;
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the module's `contribute` returns: anything. @throws MoatError naming the plugin */
  async ask(entry: DependencyEntry, target: CodeTarget): Promise<unknown> {
    const answer = await this.#exchange({ entry, target });
    if (answer.kind !== "answer") throw this.#error("it does not answer as it must");
    return answer.contribution;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo[Symbol.asyncDispose]();
  }

  /** Ends it when all that runs in its sandbox has more memory than it may. */
  #watch(runtime: Runtime, { name }: Pick<ContainerSpec, "name">): void {
    const timer = setInterval(async () => {
      const bytes = await runtime.residentBytes?.(name) ?? 0;
      if (bytes <= MAX_RESIDENT_BYTES || this.#ended !== undefined) return;
      const limit = MAX_RESIDENT_BYTES / 1024 ** 2;
      this.#ended = this.#error(`it uses more than ${limit} MiB of memory`);
      await runtime.kill(name, "SIGKILL");
    }, WATCH_EVERY_MS);
    this.#undo.defer(() => clearInterval(timer));
  }

  async #exchange(order: PluginOrder): Promise<PluginMessage> {
    const writing = this.#attachment.write(encodeFrame(order));
    const [message] = await Promise.all([this.#answer(), writing]);
    return message;
  }

  /** What it says to its order. */
  async #answer(): Promise<PluginMessage> {
    const message = await this.#next(ANSWER_TIMEOUT_MS);
    if (message.kind === "failed") throw this.#error(message.reason);
    return message;
  }

  async #next(timeoutMs: number): Promise<PluginMessage> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(this.#error(`it does not answer within ${timeoutMs / 1000} seconds`)),
      timeoutMs,
    );
    const abort = () => late.reject(this.#signal.reason);
    this.#signal.addEventListener("abort", abort, { once: true });
    try {
      this.#signal.throwIfAborted();
      const { value, done } = await Promise.race([this.#messages.next(), late.promise]);
      if (!done) return value;
      if (this.#ended !== undefined) throw this.#ended;
      throw this.#error(this.#said === "" ? "it ended" : `it ended: ${this.#said.trim()}`);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", abort);
    }
  }

  async *#read(): AsyncGenerator<PluginMessage> {
    const decoder = new FrameDecoder();
    for await (const { stream, data } of this.#attachment.output) {
      if (stream === "stderr") {
        this.#said = `${this.#said}${new TextDecoder().decode(data)}`.slice(-MAX_SAID);
        continue;
      }
      for (const value of this.#decode(decoder, data)) {
        const message = readMessage(value);
        if (message === undefined) throw this.#error("it does not answer as it must");
        yield message;
      }
    }
  }

  #decode(decoder: FrameDecoder, data: Uint8Array): readonly unknown[] {
    try {
      return decoder.push(data);
    } catch (error) {
      if (!(error instanceof RangeError) && !(error instanceof SyntaxError)) throw error;
      throw this.#error("it does not answer as it must");
    }
  }

  #error(state: string): MoatError {
    return new MoatError(`Cannot use plugin "${this.#id}": ${printable(state)}`, {
      hint: `moat plugin remove ${this.#id}`,
    });
  }
}

/** The wall inside allows what the sandbox has. */
function mayDo(
  { read = [], write = [], net = [], run = [], env = [] }: ManifestPermissions,
): PluginMay {
  const cache = write.length === 0 ? [] : [CACHE_DIRECTORY];
  return {
    read: [PLUGIN_DIRECTORY, ...cache, ...read],
    write: cache,
    net: net.map(serverOf),
    run,
    env,
  };
}

/** What sandboxes are made with, and what looks at this machine for them. */
interface Sandboxes {
  readonly runtime: Runtime;
  readonly probe: HostProbe;
}

/** A runtime that runs programs of this machine, with its state in a directory of this call's own. */
async function openSandboxes(
  id: string,
  { context, state }: { readonly context: Context; readonly state: string },
): Promise<Sandboxes> {
  const reasons: string[] = [];
  // Those that run on host tools look for them.
  const candidates = context.registry.list("runtime").filter(({ hostProbe }) =>
    hostProbe !== undefined
  );
  for (const plugin of candidates) {
    const environment = runtimeEnvironment(context, { runtime: plugin.id, home: "" });
    const found = await plugin.probe(environment, { signal: context.signal });
    const probe = plugin.hostProbe?.(environment);
    if (found.kind === "available" && probe !== undefined) {
      const places = { stateDir: state, findingsDir: environment.stateDir };
      const runtime = await plugin.open({ ...environment, ...places }, found.facts.target);
      return { runtime, probe };
    }
    if (found.kind === "unavailable") reasons.push(`${plugin.id}: ${found.reason}`);
  }
  throw new MoatError(
    `Cannot use plugin "${id}": it is code, and no sandbox for it works here (${
      reasons.join("; ")
    })`,
    { hint: "moat doctor" },
  );
}

async function startSandbox(
  id: string,
  { runtime, spec, undo, signal }: {
    readonly runtime: Runtime;
    readonly spec: Awaited<ReturnType<typeof codeSandboxSpec>>;
    readonly undo: AsyncDisposableStack;
    readonly signal: AbortSignal;
  },
): Promise<Attachment> {
  try {
    await runtime.create(spec, { signal });
    undo.defer(() => runtime.remove({ kind: "container", name: spec.name }));
    const attachment = await runtime.start(spec, { signal });
    if (attachment === undefined) throw new TypeError("An attached sandbox has no attachment");
    return attachment;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) throw error;
    throw new MoatError(
      `Cannot use plugin "${id}": its sandbox does not start: ${describeError(error)}`,
      { cause: error, hint: "moat doctor" },
    );
  }
}
