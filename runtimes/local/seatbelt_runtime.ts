/**
 * The local runtime on macOS: attached commands in a Seatbelt sandbox.
 *
 * The minimum, and not run on a Mac yet: no terminal, nothing detached, no limits. Processes are
 * not hidden from each other there, and addresses of the host other than its loopback are not
 * refused. What is missing is an error that says so, never a weaker run.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import { LABEL, runIdFromLabels } from "../../core/ids.ts";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type {
  Attachment,
  CallOptions,
  ContainerSpec,
  ContainerState,
  Exec,
  ExecSpec,
  ExitStatus,
  LoggedChunk,
  OwnedResource,
  Resource,
  Runtime,
  StartOptions,
} from "../../core/plugin/runtime.ts";
import { pipeAttachment } from "./pipe_attachment.ts";
import { parseSignal } from "./process_identity.ts";
import { type SeatbeltLaunch, seatbeltLaunch } from "./seatbelt_launch.ts";
import {
  isRunning,
  listSeatbeltRecords,
  readSeatbeltRecord,
  type SeatbeltRecord,
  startTimeOf,
  writeSeatbeltRecord,
} from "./seatbelt_state.ts";
import { waitUntil } from "./wait_until.ts";

/** Where Apple puts it. */
export const SANDBOX_EXEC = "/usr/bin/sandbox-exec";

/** Options of {@linkcode openSeatbeltRuntime}. */
export interface SeatbeltRuntimeOptions {
  /** @default SANDBOX_EXEC */
  readonly program?: string;
}

/** Opens the runtime; nothing is created yet. */
export function openSeatbeltRuntime(
  { stateDir }: Pick<RuntimeEnvironment, "stateDir">,
  { program = SANDBOX_EXEC }: SeatbeltRuntimeOptions = {},
): Runtime {
  return new SeatbeltRuntime(join(stateDir, "sandboxes"), program);
}

class SeatbeltRuntime implements Runtime {
  readonly id = "local";
  readonly target = "seatbelt";
  readonly images = undefined;
  readonly networks = undefined;
  readonly volumes = undefined;
  readonly reattach = undefined;
  readonly companions = undefined;
  readonly dial = undefined;
  readonly accept = undefined;
  readonly supervise = undefined;
  readonly privileged = undefined;
  readonly #directory: string;
  readonly #program: string;
  readonly #started = new Map<string, { child: Deno.ChildProcess; launch: SeatbeltLaunch }>();

  constructor(directory: string, program: string) {
    this.#directory = directory;
    this.#program = program;
  }

  async create(spec: ContainerSpec, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    refuseUnsupported(spec);
    const directory = this.#path(spec.name);
    await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await Deno.mkdir(directory, { mode: 0o700 });
    try {
      for (const part of ["home", "tmp"]) await Deno.mkdir(join(directory, part), { mode: 0o700 });
      this.#launch(spec);
      await writeSeatbeltRecord(directory, {
        name: spec.name,
        labels: spec.labels,
        createdAt: new Date().toISOString(),
      });
    } catch (error) {
      await Deno.remove(directory, { recursive: true });
      throw error;
    }
  }

  async start(spec: ContainerSpec, { signal, notice }: StartOptions = {}): Promise<Attachment> {
    signal?.throwIfAborted();
    if (spec.limits.memoryBytes !== undefined || spec.limits.cpus !== undefined) {
      notice?.("Limits that cannot be enforced here: memory, cpus (macOS has none for a sandbox)");
    }
    const launch = this.#launch(spec);
    const child = this.#spawn(launch);
    this.#started.set(spec.name, { child, launch });
    const startTime = await startTimeOf(child.pid);
    const record = await this.#record(spec.name);
    await writeSeatbeltRecord(this.#path(spec.name), {
      ...record,
      startedAt: new Date().toISOString(),
      ...(startTime !== undefined && { process: { pid: child.pid, startTime } }),
    });
    const attachment = attachmentOf(child);
    if (!spec.stdin) await attachment.closeInput();
    return attachment;
  }

  async wait(name: string, { signal }: CallOptions = {}): Promise<ExitStatus> {
    const started = this.#started.get(name);
    if (started === undefined) {
      const record = await this.#record(name);
      while (await isRunning(record)) await pause(signal);
      return record.exit ?? { code: 137, oomKilled: false };
    }
    const { code } = await started.child.status;
    const exit = { code, oomKilled: false };
    const record = await readSeatbeltRecord(this.#path(name));
    if (record !== undefined && record.exit === undefined) {
      await writeSeatbeltRecord(this.#path(name), {
        ...record,
        exit,
        finishedAt: new Date().toISOString(),
      });
    }
    return exit;
  }

  async stop(
    name: string,
    { graceMs = 10_000, signal }: { readonly graceMs?: number } & CallOptions = {},
  ): Promise<void> {
    await this.kill(name, "SIGTERM");
    const deadline = Date.now() + graceMs;
    while (await this.#runs(name)) {
      if (Date.now() >= deadline) return await this.kill(name, "SIGKILL");
      await pause(signal);
    }
  }

  async kill(name: string, signal: string): Promise<void> {
    const record = await readSeatbeltRecord(this.#path(name));
    if (record?.process === undefined || !await isRunning(record)) return;
    signalGroup(record.process.pid, parseSignal(signal));
  }

  async remove({ kind, name }: Resource, { signal }: CallOptions = {}): Promise<void> {
    if (kind !== "container") return;
    await this.kill(name, "SIGKILL");
    while (await this.#runs(name)) await pause(signal);
    await this.#started.get(name)?.child.status;
    this.#started.delete(name);
    try {
      await Deno.remove(this.#path(name), { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async inspect(name: string): Promise<ContainerState | undefined> {
    const record = await readSeatbeltRecord(this.#path(name));
    if (record === undefined) return undefined;
    const { startedAt, finishedAt, exit } = record;
    const status = await isRunning(record) ? "running" : startedAt ? "exited" : "created";
    return {
      name,
      status,
      isolation: "namespaces",
      isolatedBy: "sandbox-exec",
      addresses: [],
      ...(status === "exited" && { exit: exit ?? { code: 137, oomKilled: false } }),
      ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
      ...(finishedAt !== undefined && { finishedAt: new Date(finishedAt) }),
    };
  }

  async list(home: string): Promise<readonly OwnedResource[]> {
    const resources: OwnedResource[] = [];
    for (const record of await listSeatbeltRecords(this.#directory)) {
      const runId = runIdFromLabels(record.labels, home);
      if (runId === undefined) continue;
      const role = record.labels[LABEL.role] === "probe" ? "probe" : "run";
      const running = await isRunning(record);
      resources.push({ kind: "container", name: record.name, runId, role, running });
    }
    return resources;
  }

  async *logs(): AsyncIterable<LoggedChunk> {
    // Nothing is detached here, so nothing is kept.
  }

  async exec(name: string, spec: ExecSpec, { signal }: CallOptions = {}): Promise<Exec> {
    const started = this.#started.get(name);
    if (started === undefined || !await this.#runs(name)) {
      throw new MoatError(
        `Cannot execute a command in sandbox "${name}": it is not this process's`,
      );
    }
    if (spec.tty) throw noTerminal(name);
    signal?.throwIfAborted();
    const { launch } = started;
    const text = launch.args.indexOf("-p") + 2;
    const child = this.#spawn({
      args: [...launch.args.slice(0, text), ...spec.command],
      env: { ...launch.env, ...spec.env },
      cwd: launch.cwd,
    });
    const attachment = attachmentOf(child);
    if (!spec.stdin) await attachment.closeInput();
    return {
      attachment,
      wait: async () => ({ code: (await child.status).code, oomKilled: false }),
      kill: (name) => Promise.resolve(signalGroup(child.pid, parseSignal(name))),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#started.clear();
    return Promise.resolve();
  }

  #launch(spec: ContainerSpec): SeatbeltLaunch {
    const directory = this.#path(spec.name);
    return seatbeltLaunch(spec, {
      home: join(directory, "home"),
      temporary: join(directory, "tmp"),
    });
  }

  #spawn({ args, env, cwd }: SeatbeltLaunch): Deno.ChildProcess {
    return new Deno.Command(this.#program, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A session of its own: without the user's terminal, and ended as a group.
      detached: true,
    }).spawn();
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async #record(name: string): Promise<SeatbeltRecord> {
    const record = await readSeatbeltRecord(this.#path(name));
    if (record === undefined) throw new MoatError(`Cannot find sandbox "${name}": it is gone`);
    return record;
  }

  async #runs(name: string): Promise<boolean> {
    const record = await readSeatbeltRecord(this.#path(name));
    return record !== undefined && await isRunning(record);
  }
}

function refuseUnsupported({ name, detached, tty, image }: ContainerSpec): void {
  if (image !== undefined) {
    throw new MoatError(`Cannot create sandbox "${name}": this runtime has no images`);
  }
  if (tty) throw noTerminal(name);
  if (!detached) return;
  throw new MoatError(`Cannot create sandbox "${name}": nothing runs detached on macOS yet`, {
    hint: "Leave out -d, or use --runtime docker",
  });
}

function noTerminal(name: string): MoatError {
  return new MoatError(`Cannot give sandbox "${name}" a terminal: not supported on macOS yet`, {
    hint: "Run without a terminal: moat run -- <command> < /dev/null",
  });
}

function attachmentOf(child: Deno.ChildProcess): Attachment {
  return pipeAttachment({
    input: child.stdin.getWriter(),
    stdout: child.stdout.getReader(),
    stderr: child.stderr.getReader(),
  });
}

function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await waitUntil(() => false, { signal, timeoutMs: 20 });
}
