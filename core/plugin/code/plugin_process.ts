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
import { removeIfThere } from "../../store/files.ts";
import type { RuntimeEnvironment, RuntimePlugin } from "../contract.ts";
import type { DependencyEntry } from "../contribution.ts";
import { CODE_CONTRACT, type Manifest } from "../manifest.ts";
import type { Attachment, Runtime } from "../runtime.ts";
import { codeSandboxSpec } from "./code_sandbox.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import {
  type CodeTarget,
  PLUGIN_DIRECTORY,
  type PluginMessage,
  type PluginOrder,
  readMessage,
} from "./plugin_protocol.ts";

/** Time for the sandbox, which is moat's own doing. */
const START_TIMEOUT_MS = 30_000;

/** Time for the module to be imported, and for each answer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What is kept of what it writes to its standard error. */
const MAX_SAID = 500;

/** A plugin to start. */
export interface PluginCode {
  readonly manifest: Pick<Manifest, "id" | "entry" | "permissions">;
  /** Its files on this machine. */
  readonly directory: string;
}

/** A running plugin. Disposing of it ends it with everything that it started. */
export class PluginProcess implements AsyncDisposable {
  readonly #id: string;
  readonly #attachment: Attachment;
  readonly #messages: AsyncIterator<PluginMessage>;
  readonly #undo: AsyncDisposableStack;
  readonly #signal: AbortSignal;
  #said = "";

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
    const state = await Deno.makeTempDir({ prefix: "moat-plugin-" });
    undo.defer(() => removeIfThere(state));
    const runtime = await openSandboxes(id, { context, state });
    undo.use(runtime);
    const spec = await codeSandboxSpec({ directory: code.directory, permissions }, context);
    const { signal } = context;
    const attachment = await startSandbox(id, { runtime, spec, undo, signal });
    const process = new PluginProcess(id, { attachment, undo: undo.move(), signal });
    try {
      const ready = await process.#next(START_TIMEOUT_MS);
      if (ready.kind !== "ready") throw process.#error("it does not answer as it must");
      if (ready.contract !== CODE_CONTRACT) {
        throw process.#error(`it speaks contract ${ready.contract}, this is ${CODE_CONTRACT}`);
      }
      const { read = [], env = [] } = permissions;
      const loaded = await process.#exchange({
        module: `file://${PLUGIN_DIRECTORY}/${entry}`,
        read: [PLUGIN_DIRECTORY, ...read],
        env,
      });
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

  async #exchange(order: PluginOrder): Promise<PluginMessage> {
    const writing = this.#attachment.write(encodeFrame(order));
    const [message] = await Promise.all([this.#next(ANSWER_TIMEOUT_MS), writing]);
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

/** A runtime that runs programs of this machine, with its state in a directory of this call's own. */
async function openSandboxes(
  id: string,
  { context, state }: { readonly context: Context; readonly state: string },
): Promise<Runtime> {
  const reasons: string[] = [];
  // Those that run on host tools look for them.
  const candidates = context.registry.list("runtime").filter(({ hostProbe }) =>
    hostProbe !== undefined
  );
  for (const plugin of candidates) {
    const environment = runtimeEnvironment(context, { runtime: plugin.id, home: "" });
    const probe = await plugin.probe(environment, { signal: context.signal });
    if (probe.kind === "available") return await open(plugin, environment, { probe, state });
    reasons.push(`${plugin.id}: ${probe.reason}`);
  }
  throw new MoatError(
    `Cannot use plugin "${id}": it is code, and no sandbox for it works here (${
      reasons.join("; ")
    })`,
    { hint: "moat doctor" },
  );
}

function open(
  plugin: RuntimePlugin,
  environment: RuntimeEnvironment,
  { probe, state }: {
    readonly probe: Extract<Awaited<ReturnType<RuntimePlugin["probe"]>>, { kind: "available" }>;
    readonly state: string;
  },
): Promise<Runtime> {
  return plugin.open({ ...environment, stateDir: state }, probe.facts.target);
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
