/**
 * The daemon of this home, started when it does not run: once, however many commands ask at a time.
 *
 * The socket's path is read from the store alone, so that ssh, cron and sudo find the same daemon.
 *
 * @module
 */

import { join } from "node:path";
import type { Context } from "../context.ts";
import { delay } from "../delay.ts";
import { MoatError, UnavailableError } from "../errors.ts";
import { isLocked, lockFile, tryLockFile } from "../store/file_lock.ts";
import { Store } from "../store/store.ts";
import { callControl, type CallControlOptions } from "./control.ts";
import type { RouterState } from "./route_keeper.ts";
import type { WishedPort } from "./router_port.ts";
import { spawnDaemon } from "./spawn_daemon.ts";

/** A daemon that answers. */
export interface DaemonClient {
  readonly pid: number;
  readonly version: string;
  /** Ids of the runs that it owns. */
  readonly runs: readonly string[];
  /** Hands a run over; resolves when the daemon holds its lock. */
  adopt(id: string, options?: CallControlOptions): Promise<void>;
  /** The router that it keeps, if one listens. */
  readonly router: RouterState | undefined;
  /** Has the run's endpoints served; resolves when they are. Idempotent. */
  route(id: string, wish?: Partial<WishedPort>, options?: CallControlOptions): Promise<RouterState>;
  /** Tells it that the run's command has been started, so that what is in there comes to the router. */
  enter(id: string): Promise<void>;
  /** Has routes of runs that have ended dropped. */
  tidyRoutes(): Promise<void>;
  /** Has the router listen until it is stopped. */
  startRouter(wish?: Partial<WishedPort>): Promise<RouterState>;
  /** Ends the router, with runs that use it only when forced; returns what goes on. */
  stopRouter(options: { readonly force: boolean }): Promise<RouterState | undefined>;
  /** Lets go of everything and ends; its runs go on. */
  leave(): Promise<void>;
}

/** Options of {@linkcode ensureDaemon}. */
export interface EnsureDaemonOptions {
  /** How long the start may take. @default 20000 */
  readonly timeoutMs?: number;
}

const POLL_MS = 15;
const HELLO_TIMEOUT_MS = 5000;

/** The running daemon of this version, after starting or replacing one. @throws MoatError with its reason */
export async function ensureDaemon(
  context: Context,
  { timeoutMs = 20_000 }: EnsureDaemonOptions = {},
): Promise<DaemonClient> {
  using store = Store.open(context.paths);
  const running = await findDaemon(store);
  if (running?.version === context.version) return running;
  using _ = await lockStart(context);
  const other = await findDaemon(store);
  if (other?.version === context.version) return other;
  if (other !== undefined) await replace(other, context);
  return await start(context, { store, timeoutMs });
}

/** The daemon that answers, or `undefined`. Starts nothing. */
export async function findDaemon(store: Store): Promise<DaemonClient | undefined> {
  const path = store.fact("daemon.socket");
  if (path === undefined) return undefined;
  try {
    const answer = await callControl(path, { method: "hello" }, { timeoutMs: HELLO_TIMEOUT_MS });
    const { pid, version, runs, router } = Object(answer);
    return {
      pid: Number(pid),
      version: String(version),
      runs: Array.isArray(runs) ? runs.map(String) : [],
      adopt: async (id, options) => {
        await callControl(path, { method: "adopt", id }, options);
      },
      router: routerStateOf(router),
      route: async (id, wish = {}, options) =>
        neededState(await callControl(path, { method: "route", id, port: wish.port }, options)),
      enter: async (id) => {
        await callControl(path, { method: "enter", id });
      },
      tidyRoutes: async () => {
        await callControl(path, { method: "tidy-routes" });
      },
      startRouter: async ({ port } = {}) =>
        neededState(await callControl(path, { method: "start-router", port })),
      stopRouter: async ({ force }) =>
        routerStateOf(await callControl(path, { method: "stop-router", force })),
      leave: async () => {
        await callControl(path, { method: "leave" });
      },
    };
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

function neededState(answer: unknown): RouterState {
  const state = routerStateOf(answer);
  if (state === undefined) throw new TypeError("The daemon named no router");
  return state;
}

function routerStateOf(answer: unknown): RouterState | undefined {
  const { port, pinned, routes, taken, certificate, keeper, insideProblems } = Object(answer);
  if (typeof port !== "number") return undefined;
  const { port: wished, holder } = Object(taken);
  return {
    port,
    pinned: pinned === true,
    routes: Number(routes),
    insideProblems: Array.isArray(insideProblems)
      ? insideProblems.map((problem) => {
        const { id, run, reason } = Object(problem);
        return { id: String(id), run: String(run), reason: String(reason) };
      })
      : [],
    ...(typeof wished === "number"
      ? { taken: { port: wished, ...(typeof holder === "string" ? { holder } : {}) } }
      : {}),
    ...(typeof keeper === "number" ? { keeper } : {}),
    ...(typeof certificate === "string" ? { certificate } : {}),
  };
}

async function start(
  context: Context,
  { store, timeoutMs }: { readonly store: Store; readonly timeoutMs: number },
): Promise<DaemonClient> {
  const loop = spawnDaemon(context);
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const client = await findDaemon(store);
    if (client !== undefined) return client;
    if (loop.hasEnded()) throw await startError(context, store);
    await delay(POLL_MS, context.signal);
  }
  loop.end();
  throw await startError(context, store);
}

/** One starter at a time; the others find the daemon running when it is their turn. */
async function lockStart(context: Context): Promise<Disposable> {
  return await lockFile(`${context.paths.daemonLock}.start`, { signal: context.signal });
}

async function replace(daemon: DaemonClient, context: Context): Promise<void> {
  await daemon.leave();
  const { paths, signal } = context;
  using ended = await tryLockFile(paths.daemonLock, { timeoutMs: 10_000, signal });
  if (ended !== undefined) return;
  throw new MoatError(
    `Cannot replace daemon of moat ${daemon.version}: process ${daemon.pid} does not end`,
    { hint: `kill ${daemon.pid}` },
  );
}

async function startError(context: Context, store: Store): Promise<MoatError> {
  const reason = await readIfThere(join(context.paths.store, "daemon.error"));
  if (reason !== undefined) {
    return new MoatError(`Cannot start daemon: ${reason.trimEnd()}`);
  }
  const log = join(context.paths.store, "daemon.log");
  const pid = store.fact("daemon.pid");
  const holder = pid !== undefined && await isLocked(context.paths.daemonLock);
  if (holder) {
    return new MoatError(`Cannot start daemon: process ${pid} is one and does not answer`, {
      hint: `kill ${pid}`,
    });
  }
  const lines = (await readIfThere(log) ?? "").trimEnd().split("\n").slice(-5).join("\n");
  return new MoatError(`Cannot start daemon: it does not answer`, {
    hint: lines === "" ? `Look at ${log}` : `${log} ends with:\n${lines}`,
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
