/**
 * The router's port inside runs: opened when they run, and again whenever it was lost.
 *
 * Nothing here fails a run. What keeps a port from being opened is tried again with growing waits; a
 * failure that lasts is told.
 *
 * @module
 */

import { delay } from "../delay.ts";
import { describeError } from "../errors.ts";
import type { ByteStream, InsidePort, Runtime } from "../plugin/runtime.ts";
import type { RuntimeTarget } from "../store/store.ts";

/** A run, and the port that its programs connect to. */
export interface InsideRun extends RuntimeTarget {
  readonly id: string;
  readonly name: string;
  /** The runtime's name for its container. */
  readonly container: string;
  readonly port: number;
}

/** A run whose programs cannot come to the router, and why. */
export interface InsideProblem {
  readonly id: string;
  readonly run: string;
  readonly reason: string;
}

/** Options of {@linkcode InsidePorts}. */
export interface InsidePortsOptions {
  openRuntime(run: RuntimeTarget): Promise<Pick<Runtime, "accept">>;
  /** Is given each connection from inside the run, and closes it. */
  serve(runId: string, stream: ByteStream): void;
  /** Told of a failure that lasts, once for each reason; it may fail, as when a disk is full. */
  report(problem: InsideProblem): void | Promise<void>;
  /** A failure lasts when it goes on for so long. @default 12000 */
  readonly patienceMs?: number;
}

interface Kept {
  readonly ended: AbortController;
  readonly keeping: Promise<void>;
  problem?: InsideProblem;
}

const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 30_000;
/** A wait is this part of the time for which it has failed. */
const WAIT_PART = 1 / 8;
/** Longer than a daemon that leaves goes on accepting. */
const PATIENCE_MS = 12_000;

/** Keeps the ports. Disposing closes them, and waits until they are closed. */
export class InsidePorts implements AsyncDisposable {
  readonly #options: InsidePortsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: InsidePortsOptions) {
    this.#options = options;
  }

  /** Failures that last. */
  get problems(): readonly InsideProblem[] {
    return [...this.#kept.values()].flatMap(({ problem }) => problem ?? []);
  }

  /** Keeps the port open from now on; does not wait for it. Idempotent. */
  open(run: InsideRun): void {
    if (this.#kept.has(run.id)) return;
    const ended = new AbortController();
    // Set before anything is awaited in there.
    const kept: Kept = { ended, keeping: Promise.resolve().then(() => this.#keep(run, kept)) };
    this.#kept.set(run.id, kept);
  }

  /** Closes the run's port and its connections, in its own time. Idempotent. */
  close(runId: string): void {
    const kept = this.#kept.get(runId);
    if (kept === undefined) return;
    this.#kept.delete(runId);
    kept.ended.abort();
    const closing = kept.keeping.finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#kept.keys()) this.close(id);
    await Promise.all(this.#closing);
  }

  /** Until it is closed. Does not throw. */
  async #keep(run: InsideRun, kept: Kept): Promise<void> {
    const { signal } = kept.ended;
    let failingSince: number | undefined;
    while (!signal.aborted) {
      const openedAt = performance.now();
      const reason = await this.#acceptOnce(run, kept);
      if (signal.aborted) return;
      const now = performance.now();
      // One that held for a while was open: what ended it is a matter of its own.
      if (reason === undefined && now - openedAt > SHORTEST_WAIT_MS) failingSince = undefined;
      failingSince ??= now;
      const failingMs = now - failingSince;
      if (reason !== undefined && failingMs > (this.#options.patienceMs ?? PATIENCE_MS)) {
        await this.#report(kept, { id: run.id, run: run.name, reason });
      }
      const wait = Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, failingMs * WAIT_PART));
      await delay(wait, signal).catch(() => {});
    }
  }

  /** Returns when it accepts no more, with the reason when it never did. */
  async #acceptOnce(run: InsideRun, kept: Kept): Promise<string | undefined> {
    const { id, container, port } = run;
    const { signal } = kept.ended;
    try {
      const runtime = await this.#options.openRuntime(run);
      // The plan has said so; it will not change.
      if (runtime.accept === undefined) return void kept.ended.abort();
      await using inside: InsidePort = await runtime.accept(container, port, {
        signal,
        serve: (stream) => this.#options.serve(id, stream),
      });
      delete kept.problem;
      using closed = abortOf(signal);
      await Promise.race([inside.ended, closed.promise]);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  async #report(kept: Kept, problem: InsideProblem): Promise<void> {
    const isNews = kept.problem?.reason !== problem.reason;
    kept.problem = problem;
    if (!isNews) return;
    try {
      await this.#options.report(problem);
    } catch (error) {
      // It stands in `problems`, and the port matters more than who has heard of it.
      if (!(error instanceof Error)) throw error;
    }
  }
}

/** A promise that resolves when the signal is aborted, and lets go of it when disposed. */
function abortOf(signal: AbortSignal): Disposable & { readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    promise,
    [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort),
  };
}
