/**
 * The daemon's router and its routes: which runs it serves, and when it listens.
 *
 * The store is the memory: a route is written before it is answered, so that the next daemon serves
 * it too, on the same port. A route names its run and container, so that it can lead nowhere else;
 * it goes when its run has ended. Nobody but the daemon writes routes.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError, MoatError } from "../errors.ts";
import type { KeptPort, Route, Router, TakenPort } from "../plugin/router.ts";
import { OpenRuntimes } from "../run/open_runtime.ts";
import { describeClash, isServedInside } from "../run/router_inside.ts";
import { isLive } from "../run/states.ts";
import { recordEvent } from "../store/events.ts";
import { isOwned } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import { ROUTER_PORT_FACT, type Store } from "../store/store.ts";
import { InsidePorts, type InsideProblem } from "./inside_ports.ts";
import { endKeptPort, findKeptPort } from "./kept_port.ts";
import { portsToTry, type WishedPort } from "./router_port.ts";

/** A router that serves. */
export interface RouterState {
  readonly port: number;
  /** Started by `moat proxy start`: goes on without routes. */
  readonly pinned: boolean;
  /** Runs that it serves. */
  readonly routes: number;
  /** Process that keeps its port open, where the router cannot open it itself. */
  readonly keeper?: number;
  /** The default port, when another program had it. */
  readonly taken?: TakenPort;
  /** Of the router's authority, as PEM; in the answer to a registration, unless there is none. */
  readonly certificate?: string;
  /** Runs whose programs cannot come to it. */
  readonly insideProblems: readonly InsideProblem[];
}

/** Options of {@linkcode RouteKeeper}. */
export interface RouteKeeperOptions {
  readonly store: Store;
  log(text: string): void;
}

const PINNED_FACT = "router.pinned";
const DRAIN_MS = 10_000;

/** Keeps routes and router; disposing lets requests end that are being answered. */
export class RouteKeeper implements AsyncDisposable {
  readonly #context: Context;
  readonly #options: RouteKeeperOptions;
  readonly #runtimes: OpenRuntimes;
  readonly #served = new Set<string>();
  readonly #inside: InsidePorts;
  #router: Router | undefined;
  /** Its port, where another process keeps it. */
  #kept: KeptPort | undefined;
  #drained: Promise<void> | undefined;
  /** The last reason why the recorded port could not be had; said once. */
  #complaint: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: Context, options: RouteKeeperOptions) {
    this.#context = context;
    this.#options = options;
    this.#runtimes = new OpenRuntimes(context, { homeId: options.store.homeId });
    this.#inside = new InsidePorts({
      openRuntime: (run) => this.#runtimes.get(run),
      serve: (runId, stream) => {
        if (this.#router === undefined) stream.close();
        else this.#router.serve(stream, { runId });
      },
      report: (problem) => this.#reportInside(problem),
    });
  }

  /** True while the daemon has to live for it. */
  get isNeeded(): boolean {
    return this.#served.size > 0 || this.#isPinned;
  }

  /** The router, if it listens. */
  get state(): RouterState | undefined {
    if (this.#router === undefined) return undefined;
    const { port, taken } = this.#router;
    return {
      port,
      pinned: this.#isPinned,
      routes: this.#served.size,
      insideProblems: this.#inside.problems,
      ...(taken === undefined ? {} : { taken }),
      ...(this.#kept === undefined ? {} : { keeper: this.#kept.pid }),
    };
  }

  /**
   * Serves the run's endpoints, on the wished port if no router listens yet; idempotent. The answer
   * means that they are served. @throws MoatError when the run is not live or the port is taken
   */
  register(runId: string, { port }: Partial<WishedPort> = {}): Promise<RouterState> {
    return this.#inTurn(async () => {
      const { store } = this.#options;
      const record = store.getRun(runId);
      if (record === undefined || !isLive(record.state)) {
        throw new MoatError(`Cannot route to run "${runId}": it is not live`);
      }
      const router = await this.#open(portsToTry(port));
      store.addRoute(runId);
      this.#serve(router, record);
      const certificate = await this.#findCertificate();
      return { ...this.#present, ...(certificate === undefined ? {} : { certificate }) };
    });
  }

  /**
   * Has programs inside the run come to the router, from now on as long as it lives; returns before they
   * do. Told by its owner when the command has been started; otherwise it is seen a little later.
   */
  enter(runId: string): Promise<void> {
    return this.#inTurn(() => {
      const record = this.#options.store.getRun(runId);
      if (record !== undefined && isLive(record.state)) this.#openInside(record);
      return Promise.resolve();
    });
  }

  /** Opens the router until {@linkcode stop}. @throws MoatError when it listens on another port */
  start({ port }: Partial<WishedPort> = {}): Promise<RouterState> {
    return this.#inTurn(async () => {
      const open = this.#router?.port;
      if (open !== undefined && port !== undefined && open !== port) {
        throw new MoatError(`Cannot serve on port ${port}: the router serves on ${open} already`, {
          hint: "moat proxy stop --force, then start it again",
        });
      }
      await this.#open(portsToTry(port));
      this.#options.store.setFact(PINNED_FACT, "1");
      return this.#present;
    });
  }

  /**
   * Closes the router; with live routes only when forced, otherwise it closes after the last.
   * Returns what goes on.
   */
  stop({ force }: { readonly force: boolean }): Promise<RouterState | undefined> {
    return this.#inTurn(async () => {
      this.#options.store.setFact(PINNED_FACT, undefined);
      if (force || this.#served.size === 0) await this.#close();
      return this.state;
    });
  }

  /** Takes up what the last daemon served, on its port. */
  restore(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#forgetDead();
      await this.#tidy();
    });
  }

  /** Drops routes of runs that have ended, and closes the router after the last. */
  tidy(): Promise<void> {
    return this.#inTurn(() => this.#tidy());
  }

  /** Frees the port for the next daemon; changes no route from now on. Idempotent. */
  leave(): Promise<void> {
    return this.#inTurn(() => {
      this.#drained ??= this.#router?.drain({ timeoutMs: DRAIN_MS }) ?? Promise.resolve();
      return Promise.resolve();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    await this.#drained;
    await this.#inside[Symbol.asyncDispose]();
    await this.#router?.[Symbol.asyncDispose]();
    await this.#runtimes[Symbol.asyncDispose]();
  }

  get #isPinned(): boolean {
    return this.#options.store.fact(PINNED_FACT) !== undefined;
  }

  get #present(): RouterState {
    const { state } = this;
    if (state === undefined) throw new TypeError("The router was closed while it was being used");
    return state;
  }

  /** A run without HTTPS inside is better than none. */
  async #findCertificate(): Promise<string | undefined> {
    const { openAuthority, paths } = this.#context;
    try {
      return (await openAuthority(paths.store)).certificate;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.log(describeError(error));
      return undefined;
    }
  }

  async #tidy(): Promise<void> {
    if (this.#drained !== undefined) return;
    await this.#dropUnkept();
    const { store, log } = this.#options;
    const live: RunRecord[] = [];
    for (const record of store.routedRuns()) {
      if (isLive(record.state)) live.push(record);
      else store.deleteRoute(record.id);
    }
    const ids = new Set<string>(live.map(({ id }) => id));
    for (const id of this.#served) {
      if (ids.has(id)) continue;
      this.#inside.close(id);
      this.#router?.delete(id);
      this.#served.delete(id);
    }
    if (live.length === 0 && !this.#isPinned) return await this.#close();
    const recorded = Number(store.fact(ROUTER_PORT_FACT));
    // Closed by the user, with runs that go on.
    if (this.#router === undefined && !recorded) return;
    try {
      const router = await this.#open([recorded]);
      for (const record of live) {
        if (!this.#served.has(record.id)) this.#serve(router, record);
        else if (record.state === "running") this.#openInside(record);
      }
    } catch (error) {
      if (!(error instanceof MoatError)) throw error;
      // The runs know this port: it is tried again until it is free.
      const text = describeError(error);
      if (text !== this.#complaint) log(text);
      this.#complaint = text;
    }
  }

  /** While there was no daemon, owners may have died; later the daemon clears up behind them. */
  async #forgetDead(): Promise<void> {
    const { store } = this.#options;
    const { paths } = this.#context;
    await Promise.all(
      store.routedRuns().map(async ({ id, owner }) => {
        const isDead = owner === "cli" && !(await isOwned(runPaths(paths, id)));
        if (isDead) store.deleteRoute(id);
      }),
    );
  }

  async #open(ports: readonly [number, ...number[]]): Promise<Router> {
    if (this.#router !== undefined) return this.#router;
    const { store, log } = this.#options;
    const { openRouter, paths } = this.#context;
    const kept = await findKeptPort(paths);
    const router = await openRouter({
      ports,
      ...(kept?.port === ports[0] ? { kept } : {}),
      log,
      authorityDirectory: paths.store,
    });
    this.#kept = kept?.port === ports[0] ? kept : undefined;
    this.#router = router;
    this.#complaint = undefined;
    store.setFact(ROUTER_PORT_FACT, String(router.port));
    // The user may have closed it while runs went on.
    for (const record of store.routedRuns()) {
      if (isLive(record.state)) this.#serve(router, record);
    }
    return router;
  }

  async #close(): Promise<void> {
    this.#options.store.setFact(ROUTER_PORT_FACT, undefined);
    const isKept = this.#kept !== undefined;
    await this.#dropRouter();
    if (isKept) await endKeptPort(this.#context.paths);
  }

  async #dropRouter(): Promise<void> {
    const router = this.#router;
    this.#router = undefined;
    this.#kept = undefined;
    for (const id of this.#served) this.#inside.close(id);
    this.#served.clear();
    await router?.drain({ timeoutMs: 0 });
    await router?.[Symbol.asyncDispose]();
  }

  /** Without the process that keeps its port a router is none: the next look tries to open it again. */
  async #dropUnkept(): Promise<void> {
    if (!this.#kept?.hasEnded) return;
    this.#options.log(`The process that kept port ${this.#kept.port} has ended`);
    await this.#dropRouter();
  }

  #serve(router: Router, record: RunRecord): void {
    router.set(this.#routeTo(record));
    this.#served.add(record.id);
    if (record.state === "running") this.#openInside(record);
  }

  #openInside({ id, name, plan, runtime, target }: RunRecord): void {
    const port = this.#router?.port;
    if (port === undefined || this.#drained !== undefined || !this.#served.has(id)) return;
    if (!isServedInside(plan) || describeClash(plan, port) !== undefined) return;
    const { name: container } = plan.container;
    this.#inside.open({ id, name, runtime, target, container, port });
  }

  /** A run that ended meanwhile has no problem. */
  async #reportInside({ id, run, reason }: InsideProblem): Promise<void> {
    const { store, log } = this.#options;
    if (store.getRun(id)?.state !== "running") return;
    log(`Run "${run}" (${id}) cannot come to the router: ${reason}`);
    const files = runPaths(this.#context.paths, id);
    await recordEvent(files, { type: "router-unreachable", reason });
  }

  #routeTo(record: RunRecord): Route {
    const { id, name, runtime, target, endpoints } = record;
    const { container } = record.plan;
    const { store } = this.#options;
    return {
      runId: id,
      runName: name,
      endpoints,
      reach: record.plan.reach ?? [],
      connect: async (port, options) => {
        const opened = await this.#runtimes.get({ runtime, target });
        if (opened.dial === undefined) {
          throw new MoatError(
            `Cannot reach port ${port} of run "${name}": runtime "${runtime}" opens no connections`,
          );
        }
        return await opened.dial(container.name, port, options);
      },
      whyNotReady: () => {
        const state = store.getRun(id)?.state;
        if (state === "created" || state === "starting") return "the run is starting";
        return state === "running" ? undefined : "the run is ending";
      },
    };
  }

  /** One change at a time, in the order in which they were asked for. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
