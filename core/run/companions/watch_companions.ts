/**
 * Looks after the services and sidecars of a running run: says at once when one ends, and finishes
 * those that the run did not wait for.
 *
 * @module
 */

import { delay } from "../../delay.ts";
import { describeError } from "../../errors.ts";
import type { ExitStatus } from "../../plugin/runtime.ts";
import type { OwnedRun } from "../owned_run.ts";
import type { CompanionPlan, ServicePlan } from "../plan.ts";
import { awaitCompanion, userInside } from "./await_companion.ts";
import { findPassword } from "./find_password.ts";
import { changeService, serviceState } from "./service_state.ts";

/** Options of {@linkcode watchCompanions}. */
export interface WatchCompanionsOptions {
  /** Told what happened to one, as a sentence for the user. */
  say(text: string): void | Promise<void>;
}

const RETRY_MS = 1000;

/** Watches until disposed; disposing waits until nothing is recorded any more. */
export function watchCompanions(
  run: OwnedRun,
  { say }: WatchCompanionsOptions,
): AsyncDisposable {
  const { services, sidecars } = run.record.plan;
  const left = new AbortController();
  const watched = [
    ...[...services, ...sidecars].map((companion) => watch(companion, run, { say, left })),
    ...services.filter(({ wait }) => !wait).map((service) =>
      awaitLate(service, run, { say, left })
    ),
  ];
  return {
    async [Symbol.asyncDispose]() {
      left.abort();
      await Promise.allSettled(watched);
    },
  };
}

interface Watch extends WatchCompanionsOptions {
  readonly left: AbortController;
}

async function watch(companion: CompanionPlan, run: OwnedRun, { say, left }: Watch): Promise<void> {
  const { name, container } = companion;
  if (serviceState(run, name) === "exited") return;
  const exit = await endOf(container, run, left.signal);
  if (left.signal.aborted || !await isRunning(run, left.signal)) return;
  const { code, oomKilled } = exit ?? { code: undefined, oomKilled: false };
  await changeService(run, {
    name,
    container,
    state: "exited",
    details: { ...(code === undefined ? {} : { exitCode: code }), oomKilled },
  });
  const how = code === undefined ? "its container is gone" : `exit code ${code}`;
  await say(`Service "${name}" ended: ${how}${oomKilled ? ", out of memory" : ""}`);
}

/** Whether the run goes on: what is beside it may end with it. */
async function isRunning({ runtime, record }: OwnedRun, signal: AbortSignal): Promise<boolean> {
  try {
    return (await runtime.inspect(record.plan.container.name, { signal }))?.status === "running";
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return !signal.aborted;
  }
}

/** How it ended; `undefined` when it is gone. Engines restart while their containers run on. */
async function endOf(
  container: string,
  { runtime }: OwnedRun,
  signal: AbortSignal,
): Promise<ExitStatus | undefined> {
  while (!signal.aborted) {
    try {
      const state = await runtime.inspect(container, { signal });
      if (state === undefined) return undefined;
      return state.exit ?? await runtime.wait(container, { signal });
    } catch (error) {
      if (!(error instanceof Error) && !signal.aborted) throw error;
      await delay(RETRY_MS, signal).catch(() => {});
    }
  }
  return undefined;
}

/** A service that nobody waited for becomes ready while the run goes on. */
async function awaitLate(service: ServicePlan, run: OwnedRun, { say, left }: Watch): Promise<void> {
  const { name, container } = service;
  if (serviceState(run, name) !== "starting") return;
  const { signal } = left;
  try {
    const user = userInside(run.record.plan, service.image);
    const password = await findPassword(service, run, signal);
    await awaitCompanion(service, {
      runtime: run.runtime,
      signal,
      user,
      ...(password === undefined ? {} : { password }),
    });
    await changeService(run, { name, container, state: "ready" });
  } catch (error) {
    if (signal.aborted || serviceState(run, name) !== "starting") return;
    await changeService(run, {
      name,
      container,
      state: "failed",
      details: { reason: describeError(error) },
    });
    await say(describeError(error));
  }
}
