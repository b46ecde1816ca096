/**
 * The daemon: owns detached runs, serves endpoints, clears up behind owners that died, and ends when
 * nothing needs it.
 *
 * The database is its memory: killed at any moment, the next one goes on. It is started by
 * `ensure_daemon.ts` only, as the hidden command `_daemon`.
 *
 * @module
 */

import { join } from "node:path";
import type { Context } from "../context.ts";
import { delay } from "../delay.ts";
import { describeError, EXIT, MoatError } from "../errors.ts";
import { clearUpDeadRuns } from "../run/reap.ts";
import { tryLockFile } from "../store/file_lock.ts";
import { isThere, removeFileIfThere } from "../store/files.ts";
import { Store } from "../store/store.ts";
import { type ControlRequest, serveControl } from "./control.ts";
import { RouteKeeper } from "./route_keeper.ts";
import { prepareSocketPath } from "./socket_path.ts";
import { Supervisor } from "./supervisor.ts";

/** Options of {@linkcode runDaemon}. */
export interface RunDaemonOptions {
  /** Ends after so long without runs and requests. @default 5000 */
  readonly idleMs?: number;
  /** Between looks for runs to adopt and dead owners. @default 1000 */
  readonly tickMs?: number;
}

/** How long a daemon that is about to end may keep its successor waiting. */
const LOCK_TIMEOUT_MS = 5000;
const MAX_LOG_BYTES = 1024 * 1024;

/** Runs until nothing needs it or the signal ends it; returns the exit code. */
export async function runDaemon(context: Context, options: RunDaemonOptions = {}): Promise<number> {
  const failure = join(context.paths.store, "daemon.error");
  try {
    const code = await serve(context, options);
    await removeFileIfThere(failure);
    return code;
  } catch (error) {
    if (!isPermanent(error)) throw error;
    const hint = error instanceof MoatError && error.hint !== undefined ? `\n${error.hint}` : "";
    await Deno.writeTextFile(failure, `${describeError(error)}${hint}\n`).catch(() => {});
    await context.stdio.error(`${describeError(error)}${hint}\n`);
    return EXIT.permanent;
  }
}

async function serve(
  context: Context,
  { idleMs = 5000, tickMs = 1000 }: RunDaemonOptions,
): Promise<number> {
  const { paths } = context;
  // A home that was removed must not come back because its daemon was started again.
  if (!(await isThere(paths.database))) return EXIT.ok;
  using store = Store.open(paths);
  const log = (text: string) => void context.stdio.error(`${new Date().toISOString()} ${text}\n`);
  // Before the lock, so that the next daemon need not wait for the requests of this one.
  await using routes = new RouteKeeper(context, { store, log });
  using lock = await tryLockFile(paths.daemonLock, { timeoutMs: LOCK_TIMEOUT_MS });
  if (lock === undefined) return EXIT.ok;
  await removeFileIfThere(join(paths.store, "daemon.error"));
  const socket = await prepareSocketPath(join(paths.store, "daemon.sock"));
  const left = new AbortController();
  const signal = AbortSignal.any([context.signal, left.signal]);
  // First of all: whoever waits for an endpoint waits for this.
  await routes.restore();
  // What keeps it from that is met by the next look, too.
  const onEnded = () => void routes.tidy().catch((error) => log(describeError(error)));
  await using supervisor = new Supervisor(context, { store, socket, signal, onEnded });
  let lastRequestAt = performance.now();
  const server = serveControl(socket, async (request: ControlRequest) => {
    const { method, id, graceMs } = request;
    lastRequestAt = performance.now();
    switch (method) {
      case "hello":
        return {
          version: context.version,
          pid: Deno.pid,
          runs: supervisor.runs,
          router: routes.state,
        };
      case "route":
        return await routes.register(String(id), portOf(request));
      case "enter":
        return await routes.enter(String(id));
      case "tidy-routes":
        return await routes.tidy();
      case "start-router":
        return await routes.start(portOf(request));
      case "stop-router":
        return await routes.stop({ force: request.force === true });
      case "adopt":
        return await supervisor.adopt(String(id));
      case "stop":
        return await supervisor.stop(String(id), { graceMs: Number(graceMs) || 0 });
      case "leave":
        // The answer goes out before the socket does.
        setTimeout(() => left.abort(), 0);
        return {};
      default:
        throw new MoatError(`Cannot ask the daemon "${method}": it is unknown`);
    }
  });
  try {
    store.setFact("daemon.pid", String(Deno.pid));
    store.setFact("daemon.socket", socket);
    while (!signal.aborted) {
      await supervisor.adoptAll();
      await reap(context, store);
      await routes.tidy();
      await boundLog(join(paths.store, "daemon.log"));
      if (!(await isThere(paths.database))) break;
      const isBusy = supervisor.runs.length > 0 || server.pending > 0 || routes.isNeeded;
      if (!isBusy && performance.now() - lastRequestAt > idleMs) break;
      await delay(tickMs, signal).catch(() => {});
    }
  } finally {
    await server[Symbol.asyncDispose]();
    await routes.leave();
  }
  // A run may have been handed over, or a route asked for, while the socket was being closed: then
  // start again.
  const hasWork = !signal.aborted && await isThere(paths.database) &&
    (routes.isNeeded || store.findRuns({ live: true }).some(({ owner }) => owner === "daemon"));
  return hasWork ? EXIT.failure : EXIT.ok;
}

function portOf({ port }: ControlRequest): { readonly port?: number } {
  return typeof port === "number" ? { port } : {};
}

async function reap(context: Context, store: Store): Promise<void> {
  const { runs, failures } = await clearUpDeadRuns(context, store);
  for (const { id, name } of runs) {
    await context.stdio.error(`Cleared up run "${name}" (${id}): its owner died\n`);
  }
  for (const { run, reason } of failures) {
    await context.stdio.error(`Cannot clear up run "${run.name}" (${run.id}): ${reason}\n`);
  }
}

/** Nothing that trying again could mend: a newer database, a full disk. */
function isPermanent(error: unknown): boolean {
  if (error instanceof MoatError) return error.exitCode === EXIT.permanent;
  return error instanceof Error && /No space left|disk is full/i.test(error.message);
}

async function boundLog(path: string): Promise<void> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_LOG_BYTES) await Deno.truncate(path, 0);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
