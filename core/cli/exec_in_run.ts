/**
 * One more command inside a live run, attached to the user's streams.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { EXIT, MoatError, UsageError } from "../errors.ts";
import type { ExecSpec } from "../plugin/runtime.ts";
import { attachRun, stoppedExitCode } from "../run/attach.ts";
import { openRuntime } from "../run/open_runtime.ts";
import { shownState } from "./describe_run.ts";
import type { FoundRun } from "./find_run.ts";

/** Options of {@linkcode execInRun}. */
export interface ExecInRunOptions {
  readonly command: readonly string[];
  /** `K=V` or `K`. */
  readonly env: readonly string[];
  /** A terminal is wanted. */
  readonly terminal: boolean;
  /** Another container of the run than its own, and who runs the command there. */
  readonly inside?: Pick<ExecSpec, "uid" | "gid" | "workdir"> & { readonly name: string };
}

/** Runs it to its end; returns its exit code. @throws MoatError when the run is not running */
export async function execInRun(
  { record, store }: Pick<FoundRun, "record" | "store">,
  context: Context,
  { command, env, terminal, inside = record.plan.container }: ExecInRunOptions,
): Promise<number> {
  const state = await shownState(record, context.paths);
  if (state !== "running") {
    throw new MoatError(`Cannot run a command in run "${record.name}": it is ${state}`, {
      hint: "moat list",
    });
  }
  const { stdio, signal } = context;
  const tty = terminal && stdio.inputIsTerminal && stdio.outputIsTerminal;
  const size = stdio.size();
  const spec: ExecSpec = {
    command,
    env: { ...termOf(context, tty), ...assignments(env, context.env) },
    workdir: inside.workdir,
    uid: inside.uid,
    gid: inside.gid,
    tty,
    stdin: true,
    ...(tty && size !== undefined ? { size } : {}),
  };
  await using runtime = await openRuntime(record, context, { homeId: store.homeId });
  const exec = await runtime.exec(inside.name, spec, { signal });
  await using attachment = exec.attachment;
  const outcome = await attachRun(
    {
      attachment,
      tty,
      wait: () => exec.wait(),
      kill: (name) => exec.kill(name),
      stop: (_cause, graceMs) => stopExec(exec, graceMs),
      cannotDetach: "a command of moat exec ends with its terminal",
    },
    context,
    { say: (text) => void stdio.error(`${text}\n`) },
  );
  if (outcome.kind === "detached") return EXIT.ok;
  return outcome.kind === "stopped"
    ? stoppedExitCode(outcome.status, outcome.signal)
    : outcome.status.code;
}

async function stopExec(
  exec: { kill(signal: string): Promise<void>; wait(): Promise<unknown> },
  graceMs: number,
): Promise<void> {
  await exec.kill("SIGTERM");
  const timer = Promise.withResolvers<"late">();
  const timeout = setTimeout(() => timer.resolve("late"), graceMs);
  const first = await Promise.race([exec.wait(), timer.promise]);
  clearTimeout(timeout);
  if (first === "late") await exec.kill("SIGKILL");
}

function termOf({ env }: Context, tty: boolean): Record<string, string> {
  return tty ? { TERM: env.TERM ?? "xterm" } : {};
}

function assignments(
  words: readonly string[],
  outer: Readonly<Record<string, string>>,
): Record<string, string> {
  const made: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(0, at);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new UsageError(`Cannot read --env: "${name}" is not a variable's name`, {
        hint: "Write it as NAME=value, or NAME to pass yours on",
      });
    }
    const value = at < 0 ? outer[name] : word.slice(at + 1);
    if (value !== undefined) made[name] = value;
  }
  return made;
}
