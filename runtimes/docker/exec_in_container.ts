/**
 * Further commands in a running container.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { INIT_VARIABLES } from "../../core/image/init_environment.ts";
import { keptVariables, WITH_SECRETS } from "../../core/image/secret_env.ts";
import type {
  CallOptions,
  Exec,
  ExecSpec,
  ExitStatus,
  TerminalSize,
} from "../../core/plugin/runtime.ts";
import { createAttachment } from "./attachment.ts";
import { isAtLeast } from "./api_version.ts";
import { type Engine, EngineError } from "./engine.ts";
import { numberAt, textAt, valueAt } from "./json.ts";
import { pause } from "./pause.ts";

/** Marks an exec's processes, so that they can be found from inside: engines do not signal execs. */
const MARK = "MOAT_EXEC_ID";
/**
 * Sends $2 to the first process of exec $1. An exec's first process has no parent inside; in its
 * children the mark is inherited.
 */
const KILL_SCRIPT = `for dir in $(grep -lsz "^${MARK}=$1\\$" /proc/[0-9]*/environ); do
  dir=\${dir%/environ}
  while read -r key value _; do
    [ "$key" = PPid: ] && [ "$value" = 0 ] && kill -s "$2" "\${dir#/proc/}"
  done <"$dir/status"
done
:`;
const RESIZE_RETRY_MS = [5, 10, 20, 40, 80, 160, 320, 500];
const POLL_MS = [5, 5, 10, 20, 50, 100, 250];

/** Where and what to run. */
export interface ExecTarget {
  readonly name: string;
  readonly spec: ExecSpec;
}

/** Starts the command with its streams attached. */
export async function execInContainer(
  engine: Engine,
  { name, spec }: ExecTarget,
  { signal }: CallOptions = {},
): Promise<Exec> {
  const doing = `run a command in container "${name}"`;
  const mark = crypto.randomUUID();
  const id = await createExec(engine, name, {
    doing,
    signal,
    body: {
      AttachStdin: spec.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: spec.tty,
      // Through a shell, as engines before 23 answer 126 also for a program that is not there.
      Cmd: ["/bin/sh", "-c", WITH_SECRETS, "moat", ...spec.command],
      Env: execEnv(spec.env, mark),
      User: `${spec.uid}:${spec.gid}`,
      WorkingDir: spec.workdir,
    },
  });
  const hijacked = await engine.hijack({
    method: "POST",
    path: `/exec/${id}/start`,
    body: {
      Detach: false,
      Tty: spec.tty,
      ...(spec.tty && spec.size && isAtLeast(await engine.apiVersion(), "1.42")
        ? { ConsoleSize: [spec.size.rows, spec.size.columns] }
        : {}),
    },
    doing,
    timeoutMs: 120_000,
    signal,
  });
  const ended = Promise.withResolvers<void>();
  const attachment = createAttachment(hijacked, {
    tty: spec.tty,
    ended: ended.resolve,
    resize: (size) => resizeExec(engine, id, { size, signal: undefined }),
  });
  if (spec.tty && spec.size !== undefined) {
    await resizeExec(engine, id, { size: spec.size, signal });
  }
  return {
    attachment,
    wait: () => waitExec(engine, id, { doing, ended: ended.promise }),
    kill: (signalName) => killExec(engine, { name, spec }, { mark, signalName }),
  };
}

/** Engines answer the start before there is a process, and refuse to resize until then. */
async function resizeExec(
  engine: Engine,
  id: string,
  { size, signal }: { readonly size: TerminalSize; readonly signal: AbortSignal | undefined },
): Promise<void> {
  for (const waitMs of RESIZE_RETRY_MS) {
    const { status } = await engine.call({
      method: "POST",
      path: `/exec/${id}/resize`,
      query: { w: size.columns, h: size.rows },
      doing: "resize the terminal of a command",
      accept: [400, 404, 409, 500],
      signal,
    });
    if (status < 400) return;
    await pause(waitMs, signal);
  }
}

function execEnv(env: Readonly<Record<string, string>>, mark: string): readonly string[] {
  const set = Object.entries({ ...env, ...keptVariables(env), [MARK]: mark }).map(([key, value]) =>
    `${key}=${value}`
  );
  // A name without "=" takes the container's variable out.
  return [...set, ...INIT_VARIABLES];
}

/** Registers a command with the engine. @throws MoatError when the container does not run */
export async function createExec(
  engine: Engine,
  name: string,
  { doing, signal, body }: {
    readonly doing: string;
    readonly signal?: AbortSignal | undefined;
    readonly body: Record<string, unknown>;
  },
): Promise<string> {
  try {
    const { value } = await engine.call({
      method: "POST",
      path: `/containers/${encodeURIComponent(name)}/exec`,
      body,
      doing,
      signal,
    });
    return textAt(value, "Id") ?? "";
  } catch (error) {
    if (!saysNotRunning(error)) throw error;
    throw new MoatError(`Cannot ${doing}: it is not running`, { hint: "moat list" });
  }
}

/** A paused one is none of these: what the engine says of it is worth reading. */
function saysNotRunning(error: unknown): boolean {
  return error instanceof EngineError &&
    (error.status === 404 || (error.status === 409 && /running/i.test(error.reason)));
}

/** Asks when the output has ended, and now and then before, as a command may close its output. */
export async function waitExec(
  engine: Engine,
  id: string,
  { doing, ended }: { readonly doing: string; readonly ended: Promise<void> },
): Promise<ExitStatus> {
  const over = new AbortController();
  ended.then(() => over.abort());
  for (let turn = 0;; turn++) {
    const { value } = await engine.call({ method: "GET", path: `/exec/${id}/json`, doing });
    const code = numberAt(value, "ExitCode");
    if (valueAt(value, "Running") === false && code !== undefined) {
      return { code, oomKilled: false };
    }
    const waitMs = over.signal.aborted ? POLL_MS[Math.min(turn, POLL_MS.length - 1)] ?? 250 : 250;
    await Promise.race([pause(waitMs, undefined), ...(over.signal.aborted ? [] : [ended])]);
  }
}

/** As the same user: root in a container may not look into another user's processes. */
async function killExec(
  engine: Engine,
  { name, spec }: ExecTarget,
  { mark, signalName }: { readonly mark: string; readonly signalName: string },
): Promise<void> {
  const doing = `send ${signalName} to a command in container "${name}"`;
  const id = await createExec(engine, name, {
    doing,
    body: {
      Cmd: ["/bin/sh", "-c", KILL_SCRIPT, "kill", mark, signalName.replace(/^SIG/, "")],
      User: `${spec.uid}:${spec.gid}`,
      Env: INIT_VARIABLES,
    },
  });
  await engine.call({ method: "POST", path: `/exec/${id}/start`, body: { Detach: false }, doing });
}
