/**
 * Waits until a companion answers as its probe asks, then runs what is to be done inside it.
 *
 * @module
 */

import { describeError, MoatError } from "../../errors.ts";
import type { Runtime } from "../../plugin/runtime.ts";
import { awaitReady, NotReadyError } from "../../ready/await_ready.ts";
import type { CompanionPlan, RunPlan, ServicePlan } from "../plan.ts";
import { type CommandUser, execInside } from "./exec_inside.ts";
import { lastLines } from "./last_lines.ts";

/** Options of {@linkcode awaitCompanion}. */
export interface AwaitCompanionOptions {
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** Who runs commands inside. */
  readonly user: CommandUser;
  /** There for services. */
  readonly password?: string;
  /** Told of each command inside. */
  readonly onCommand?: (command: readonly string[]) => void;
}

/** @throws MoatError with the last answer, how it ended, and its last lines of output */
export async function awaitCompanion(
  companion: CompanionPlan | ServicePlan,
  options: AwaitCompanionOptions,
): Promise<void> {
  const { runtime, signal, user, password, onCommand } = options;
  const { container, ready, readyTimeoutMs } = companion;
  const { dial } = runtime;
  try {
    await awaitReady(ready, {
      dial(port, aborted) {
        if (dial !== undefined) return dial.call(runtime, container, port, { signal: aborted });
        return Promise.reject(
          new MoatError(`Cannot reach port ${port} of service "${companion.name}": no way in`),
        );
      },
      exec: async (command, aborted) =>
        (await execInside(runtime, container, { command, user, signal: aborted })).code,
      inspect: () => runtime.inspect(container, { signal }),
      ...(password === undefined ? {} : { password }),
    }, { timeoutMs: readyTimeoutMs, signal });
    for (const command of "afterReady" in companion ? companion.afterReady : []) {
      onCommand?.(command);
      const { code, output } = await execInside(runtime, container, { command, user, signal });
      if (code === 0) continue;
      const said = output.trim();
      throw new MoatError(
        `"${command.join(" ")}" ended with exit code ${code}${said === "" ? "" : `: ${said}`}`,
      );
    }
  } catch (error) {
    signal.throwIfAborted();
    throw await explainFailure(companion, error, options);
  }
}

/** Who runs commands in a companion: servers of the host run as the run's user. */
export function userInside(
  { container: { uid, gid } }: RunPlan,
  image: string | undefined,
): CommandUser {
  return image === undefined ? { uid, gid } : { uid: 0, gid: 0 };
}

/** The error of a companion that failed: what is known of it, with its password taken out. */
export async function explainFailure(
  { name, container }: Pick<CompanionPlan, "name" | "container">,
  error: unknown,
  { runtime, password, signal }: Pick<AwaitCompanionOptions, "runtime" | "password" | "signal">,
): Promise<MoatError> {
  const lines = await lastLines(runtime, container, { signal });
  const clean = (text: string) => password === undefined ? text : text.replaceAll(password, "***");
  const why = clean(error instanceof NotReadyError ? error.state : describeError(error));
  const output = lines.length === 0
    ? ["It printed nothing"]
    : ["Its last output:", ...lines.map((line) => `  ${clean(line)}`)];
  return new MoatError(`Cannot start service "${name}": ${[why, ...output].join("\n")}`, {
    ...(error instanceof MoatError && error.hint !== undefined ? { hint: error.hint } : {}),
  });
}
