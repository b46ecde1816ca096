/**
 * A runtime whose work an executable does: each method is a call to it.
 *
 * The executable is started when it is first needed and again when it has ended, so that what a
 * crash interrupted can still be undone.
 *
 * @module
 */

import * as v from "valibot";
import { printable } from "../../cli/table.ts";
import { MoatError } from "../../errors.ts";
import { LABEL, type Role, runIdFromLabels } from "../../ids.ts";
import type {
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
  LoggedChunk,
  Networks,
  OwnedResource,
  Progress,
  Reattach,
  Resource,
  Runtime,
  StartOptions,
  Volumes,
} from "../runtime.ts";
import * as answers from "./runtime_answers.ts";
import { attachmentOf, streamOf } from "./call_streams.ts";
import { type CallIo, RefusedCall, type RuntimeCall } from "./runtime_call.ts";
import { RuntimeConnection } from "./runtime_connection.ts";
import type { Executable } from "./start_executable.ts";
import { wireCompanion, wireContainer, wireExec } from "./wire_spec.ts";

/** Most calls; engines on loaded machines are slow. */
const CALL_TIMEOUT_MS = 60_000;

/** Calls that make or start something. */
const SLOW_MS = 120_000;

/** To finish what an interruption cannot leave half made. */
const INTERRUPTED_MS = 5_000;

const GRACE_MS = 10_000;

const ROLES: ReadonlySet<string> = new Set<Role>([
  "run",
  "service",
  "sidecar",
  "network",
  "volume",
  "probe",
]);

/** What the runtime is opened with. */
export interface ExecutableRuntimeOptions {
  readonly executable: Executable;
  /** As moat keeps it, for opening it again. */
  readonly target: string;
  /** As the executable named it. */
  readonly engine: string;
  readonly stateDir: string;
  readonly home: string;
  /** Looks whether the executable is still the one that was accepted; called before each start. */
  verify(): Promise<void>;
}

/** Options of one call. */
interface AskOptions<T> extends CallOptions {
  readonly doing: string;
  readonly answer: v.GenericSchema<unknown, T>;
  readonly timeoutMs?: number;
  readonly progress?: Progress;
}

/** The runtime. Disposing of it ends the executable, not what runs. */
export class ExecutableRuntime implements Runtime {
  readonly id: string;
  readonly target: string;
  readonly images: Images | undefined;
  readonly networks: Networks | undefined;
  readonly volumes: Volumes | undefined;
  readonly reattach: Reattach | undefined;
  readonly companions: Companions | undefined;
  readonly dial: Runtime["dial"];
  readonly accept = undefined;
  readonly supervise = undefined;
  readonly privileged: true | undefined;

  readonly #options: ExecutableRuntimeOptions;
  #connection: Promise<RuntimeConnection>;

  private constructor(
    options: ExecutableRuntimeOptions,
    { connection, opened }: {
      readonly connection: RuntimeConnection;
      readonly opened: answers.ExecutableAbilities;
    },
  ) {
    const { abilities, companions } = opened;
    const can = new Set(abilities);
    this.id = options.executable.id;
    this.target = options.target;
    this.#options = options;
    this.#connection = Promise.resolve(connection);
    this.images = can.has("images") ? this.#createImages(can.has("build")) : undefined;
    this.networks = can.has("networks") ? this.#createNetworks() : undefined;
    this.volumes = can.has("volumes") ? this.#createVolumes() : undefined;
    this.reattach = can.has("reattach") ? this.#createReattach() : undefined;
    this.companions = companions === undefined ? undefined : this.#createCompanions(companions);
    this.dial = can.has("dial") ? (name, port, rest) => this.#dial(name, port, rest) : undefined;
    this.privileged = can.has("privileged") ? true : undefined;
  }

  /** Starts the executable and opens its engine. @throws MoatError naming the plugin */
  static async open(options: ExecutableRuntimeOptions): Promise<ExecutableRuntime> {
    const { connection, opened } = await connect(options);
    return new ExecutableRuntime(options, { connection, opened });
  }

  async create(spec: ContainerSpec, { signal }: CallOptions = {}): Promise<void> {
    await this.#create(wireContainer(spec), signal);
  }

  async start(
    { name, tty, stdin, detached, size }: ContainerSpec,
    { signal, notice }: StartOptions = {},
  ): Promise<Attachment | undefined> {
    const call = await this.#begin("start", {
      params: { name, tty, stdin, attach: !detached, size: size ?? null },
      ...(detached ? { timeoutMs: SLOW_MS } : {}),
      ...(notice === undefined ? {} : { io: { notice: (text) => notice(printable(text)) } }),
    });
    const doing = `start container "${name}"`;
    if (detached) {
      await this.#settle(call.result, { doing, signal, call });
      return undefined;
    }
    await this.#begun(call, { doing, signal });
    return attachmentOf(call, { close: () => call.order({ cancel: true }) });
  }

  wait(name: string, { signal }: CallOptions = {}): Promise<ExitStatus> {
    return this.#ask("wait", { name }, {
      doing: `wait for container "${name}"`,
      answer: answers.ENDED,
      timeoutMs: Infinity,
      ...(signal && { signal }),
    });
  }

  async stop(
    name: string,
    { graceMs = GRACE_MS, signal }: { readonly graceMs?: number } & CallOptions = {},
  ): Promise<void> {
    await this.#ask("stop", { name, graceMs }, {
      doing: `stop container "${name}"`,
      answer: answers.DONE,
      timeoutMs: graceMs + SLOW_MS,
      ...(signal && { signal }),
    });
  }

  async kill(name: string, signalName: string): Promise<void> {
    await this.#ask("kill", { name, signal: signalName }, {
      doing: `send ${signalName} to container "${name}"`,
      answer: answers.DONE,
    });
  }

  async remove({ kind, name }: Resource, { signal }: CallOptions = {}): Promise<void> {
    await this.#ask("remove", { kind, name }, {
      doing: `remove ${kind} "${name}"`,
      answer: answers.DONE,
      timeoutMs: SLOW_MS,
      ...(signal && { signal }),
    });
  }

  async inspect(name: string, { signal }: CallOptions = {}): Promise<ContainerState | undefined> {
    const state = await this.#ask("inspect", { name }, {
      doing: `inspect container "${name}"`,
      answer: answers.INSPECTED,
      ...(signal && { signal }),
    });
    return state === null ? undefined : { name, ...state, isolatedBy: printable(state.isolatedBy) };
  }

  async list(home: string, { signal }: CallOptions = {}): Promise<readonly OwnedResource[]> {
    const listed = await this.#ask("list", { label: `${LABEL.home}=${home}` }, {
      doing: "list containers, networks and volumes",
      answer: answers.LISTED,
      ...(signal && { signal }),
    });
    return listed.flatMap(({ kind, name, labels, running }) => {
      const runId = runIdFromLabels(labels, home);
      const role = labels[LABEL.role];
      return runId === undefined || !isRole(role) ? [] : [{ kind, name, runId, role, running }];
    });
  }

  async *logs(
    name: string,
    { follow, after, signal }: { readonly follow: boolean; readonly after?: string } & CallOptions,
  ): AsyncGenerator<LoggedChunk> {
    signal?.throwIfAborted();
    const params = { name, follow, after: after ?? null };
    const call = await this.#begin("logs", { params });
    const doing = `read the output of container "${name}"`;
    const leave = () => call.discard();
    signal?.addEventListener("abort", leave, { once: true });
    try {
      for await (const { stream, data, time, cursor, late } of call.output()) {
        if (time === undefined || cursor === undefined) throw this.#odd();
        const chunk = { stream, data: Uint8Array.fromBase64(data), time: new Date(time), cursor };
        yield late === true ? { ...chunk, late } : chunk;
      }
      signal?.throwIfAborted();
    } catch (error) {
      throw this.#explain(error, doing);
    } finally {
      signal?.removeEventListener("abort", leave);
      call.discard();
      await call.order({ cancel: true });
    }
  }

  async exec(name: string, spec: ExecSpec, { signal }: CallOptions = {}): Promise<Exec> {
    const doing = `run a command in container "${name}"`;
    const params = wireExec(name, spec, { hasImages: this.images !== undefined });
    const call = await this.#begin("exec", { params });
    await this.#begun(call, { doing, signal });
    return {
      attachment: attachmentOf(call, { close: () => call.discard() }),
      wait: async () =>
        this.#check(answers.ENDED, await this.#settle(call.result, { doing, call })),
      kill: (signalName) => call.order({ signal: signalName }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection.catch(() => undefined);
    await connection?.[Symbol.asyncDispose]();
  }

  /** Engines go on creating when their caller leaves: whoever interrupts waits, but not for ever. */
  async #create(
    params: ReturnType<typeof wireContainer>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hurry = () => {
      timer = setTimeout(async () => {
        (await this.#connection).fail("it does not answer, and was interrupted");
      }, INTERRUPTED_MS);
    };
    signal?.addEventListener("abort", hurry, { once: true });
    try {
      await this.#ask("create", params, {
        doing: `create container "${params.name}"`,
        answer: answers.DONE,
        timeoutMs: SLOW_MS,
      });
    } finally {
      signal?.removeEventListener("abort", hurry);
      clearTimeout(timer);
    }
    if (!signal?.aborted) return;
    await this.remove({ kind: "container", name: params.name });
    throw signal.reason;
  }

  async #dial(name: string, port: number, { signal }: CallOptions = {}): Promise<ByteStream> {
    const call = await this.#begin("dial", { params: { name, port } });
    const doing = `connect to port ${port} of container "${name}"`;
    await this.#begun(call, { doing, signal });
    return streamOf(call);
  }

  #createImages(canBuild: boolean): Images {
    const ask = <T>(
      call: string,
      ref: string,
      options: Omit<AskOptions<T>, "doing">,
    ) => this.#ask(call, { ref }, { ...options, doing: `look for image "${ref}"` });
    return {
      exists: (ref, options) => ask("imageExists", ref, { answer: answers.YES_OR_NO, ...options }),
      id: async (ref, options) =>
        await ask("imageId", ref, { answer: answers.IMAGE_ID, ...options }) ?? undefined,
      pull: async (ref, options) => {
        const doing = `pull image "${ref}"`;
        const pulling = { answer: answers.DONE, timeoutMs: Infinity, ...options };
        await this.#ask("pullImage", { ref }, { ...pulling, doing });
      },
      listOwn: (options) =>
        this.#ask("listImages", { label: `${LABEL.image}=1` }, {
          doing: "list images",
          answer: answers.TAGS,
          ...options,
        }),
      untag: (ref, options) => ask("untagImage", ref, { answer: answers.YES_OR_NO, ...options }),
      ...(canBuild
        ? {
          build: async (
            { tag, dockerfile, files, labels },
            { noCache = false, ...options } = {},
          ) => {
            const params = { tag, dockerfile, files, labels, noCache };
            const built = await this.#ask("buildImage", params, {
              doing: `build image "${tag}"`,
              answer: answers.BUILT,
              timeoutMs: Infinity,
              ...options,
            });
            return { ...built, via: "other" as const };
          },
        }
        : {}),
    };
  }

  #createNetworks(): Networks {
    return {
      create: async (network, options) => {
        const doing = `create network "${network.name}"`;
        await this.#ask("createNetwork", network, { doing, answer: answers.DONE, ...options });
      },
    };
  }

  #createVolumes(): Volumes {
    return {
      ensure: (volume, options) =>
        this.#ask("ensureVolume", volume, {
          doing: `create volume "${volume.name}"`,
          answer: answers.LABELS,
          ...options,
        }),
    };
  }

  #createReattach(): Reattach {
    return {
      attach: async (name, { tty, signal }) => {
        const call = await this.#begin("attach", { params: { name, tty } });
        await this.#begun(call, { doing: `attach to container "${name}"`, signal });
        return attachmentOf(call, { close: () => call.order({ cancel: true }) });
      },
    };
  }

  #createCompanions(addressing: Companions["addressing"]): Companions {
    return {
      addressing,
      create: (spec: CompanionSpec, { signal } = {}) => this.#create(wireCompanion(spec), signal),
      start: async ({ name }, { signal } = {}) => {
        await this.#ask("start", { name, tty: false, stdin: false, attach: false, size: null }, {
          doing: `start container "${name}"`,
          answer: answers.DONE,
          timeoutMs: SLOW_MS,
          ...(signal && { signal }),
        });
      },
    };
  }

  async #ask<T>(
    name: string,
    params: unknown,
    { doing, answer, timeoutMs = CALL_TIMEOUT_MS, progress, signal }: AskOptions<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const call = await this.#begin(name, {
      params,
      ...(Number.isFinite(timeoutMs) ? { timeoutMs } : {}),
      ...(progress === undefined ? {} : { io: { progress } }),
    });
    return this.#check(answer, await this.#settle(call.result, { doing, signal, call }));
  }

  async #begin(
    name: string,
    options: { readonly params: unknown; readonly timeoutMs?: number; readonly io?: CallIo },
  ): Promise<RuntimeCall> {
    const before = this.#connection;
    const connection = await before;
    if (connection.isUsable) return connection.call(name, options);
    await connection[Symbol.asyncDispose]();
    // Another call has started it again meanwhile.
    if (this.#connection !== before) return await this.#begin(name, options);
    const again = connect(this.#options).then((made) => made.connection);
    again.catch(() => {});
    this.#connection = again.catch(() => connection);
    return (await again).call(name, options);
  }

  /** Waits until what the call starts has begun. */
  async #begun(
    call: RuntimeCall,
    { doing, signal }: { readonly doing: string; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const late = setTimeout(
      async () => (await this.#connection).fail(`it does not ${doing} within ${SLOW_MS / 1000} s`),
      SLOW_MS,
    );
    try {
      await this.#settle(call.started, { doing, signal, call });
    } finally {
      clearTimeout(late);
    }
  }

  /** The work, or the signal's reason; then the call is cancelled. */
  async #settle<T>(
    work: Promise<T>,
    { doing, signal, call }: {
      readonly doing: string;
      readonly signal?: AbortSignal | undefined;
      readonly call: RuntimeCall;
    },
  ): Promise<T> {
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => {
      call.order({ cancel: true }).catch(() => {});
      aborted.reject(signal?.reason);
    };
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([work, aborted.promise]);
    } catch (error) {
      throw this.#explain(error, doing);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #explain(error: unknown, doing: string): unknown {
    if (!(error instanceof RefusedCall)) return error;
    const { message, hint } = error;
    return new MoatError(
      `Cannot ${doing} on runtime "${this.id}": ${printable(message)}`,
      hint === undefined ? {} : { hint: printable(hint) },
    );
  }

  #check<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    throw this.#odd();
  }

  #odd(): MoatError {
    return new MoatError(`Cannot use plugin "${this.id}": it does not answer as it must`, {
      hint: `moat plugin remove ${this.id}`,
    });
  }
}

async function connect(
  { executable, engine, stateDir, home, verify }: ExecutableRuntimeOptions,
): Promise<{
  readonly connection: RuntimeConnection;
  readonly opened: answers.ExecutableAbilities;
}> {
  await verify();
  const connection = await RuntimeConnection.start(executable);
  try {
    const value = await connection.call("open", {
      params: { target: engine, stateDir, home },
      timeoutMs: CALL_TIMEOUT_MS,
    }).result;
    const { success, output } = v.safeParse(answers.OPENED, value);
    if (success) return { connection, opened: output };
    throw new RefusedCall("it does not answer as it must", undefined);
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    if (!(error instanceof RefusedCall)) throw error;
    throw new MoatError(`Cannot open runtime "${executable.id}": ${printable(error.message)}`, {
      hint: error.hint === undefined ? "moat doctor" : printable(error.hint),
    });
  }
}

function isRole(role: string | undefined): role is Role {
  return role !== undefined && ROLES.has(role);
}
