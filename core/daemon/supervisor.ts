/**
 * The runs that the daemon owns.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError, MoatError } from "../errors.ts";
import { beginStop } from "../run/begin_stop.ts";
import { OpenRuntimes } from "../run/open_runtime.ts";
import type { OwnedRun } from "../run/owned_run.ts";
import { isLive } from "../run/states.ts";
import { takeOwnership } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { Store } from "../store/store.ts";
import { superviseRun } from "./supervise_run.ts";

/** Options of {@linkcode Supervisor}. */
export interface SupervisorOptions {
  readonly store: Store;
  /** Where the daemon answers for its runs. */
  readonly socket: string;
  /** Aborted when the daemon leaves: runs are let go, not ended. */
  readonly signal: AbortSignal;
  /** Called when a run has ended or was let go. */
  onEnded?(): void;
}

/** A run in its hands. */
interface Supervised {
  /** There as soon as its runtime is open. */
  readonly run: Promise<OwnedRun>;
  readonly ended: Promise<void>;
}

const ADOPT_TIMEOUT_MS = 5000;

/** Owns runs until they end or the daemon leaves. Disposing waits until all are let go. */
export class Supervisor implements AsyncDisposable {
  readonly #context: Context;
  readonly #options: SupervisorOptions;
  readonly #runtimes: OpenRuntimes;
  readonly #supervised = new Map<string, Supervised>();
  readonly #adopting = new Map<string, Promise<void>>();

  constructor(context: Context, options: SupervisorOptions) {
    this.#context = context;
    this.#options = options;
    this.#runtimes = new OpenRuntimes(context, { homeId: options.store.homeId });
  }

  /** Ids of the runs that it owns. */
  get runs(): readonly string[] {
    return [...this.#supervised.keys()];
  }

  /** Takes the run's lock and looks after it from now on. Idempotent. */
  adopt(id: string): Promise<void> {
    if (this.#supervised.has(id)) return Promise.resolve();
    const adopting = this.#adopting.get(id) ??
      this.#adopt(id).finally(() => this.#adopting.delete(id));
    this.#adopting.set(id, adopting);
    return adopting;
  }

  /** Adopts what was handed over and has no owner: by a CLI that was killed, or an earlier daemon. */
  async adoptAll(): Promise<void> {
    const { store } = this.#options;
    const ours = store.findRuns({ live: true }).filter(({ owner }) => owner === "daemon");
    await Promise.all(ours.map(async ({ id, name }) => {
      try {
        await this.adopt(id);
      } catch (error) {
        await this.#log(`Cannot adopt run "${name}" (${id}): ${describeError(error)}`);
      }
    }));
  }

  /** Ends the run's command; returns when it has ended. */
  async stop(id: string, { graceMs }: { readonly graceMs: number }): Promise<void> {
    const supervised = this.#supervised.get(id);
    if (supervised === undefined) {
      throw new MoatError(`Cannot stop run "${id}": the daemon does not own it`);
    }
    await beginStop(await supervised.run, { reason: "stopped", graceMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#adopting.values()]);
    await Promise.allSettled([...this.#supervised.values()].map(({ ended }) => ended));
    await this.#runtimes[Symbol.asyncDispose]();
  }

  async #adopt(id: string): Promise<void> {
    const { store, socket, signal } = this.#options;
    const { paths } = this.#context;
    const files = runPaths(paths, id);
    const ownership = await takeOwnership(files, { timeoutMs: ADOPT_TIMEOUT_MS, signal });
    if (ownership === undefined) {
      throw new MoatError(`Cannot adopt run "${id}": somebody else owns it`);
    }
    const record = store.getRun(id);
    if (record === undefined || !isLive(record.state) || record.owner !== "daemon") {
      await ownership[Symbol.asyncDispose]();
      return;
    }
    store.setNote(id, "socket", socket);
    const run = this.#runtimes.get(record).then((runtime): OwnedRun => ({
      record,
      store,
      paths,
      files,
      runtime,
      ownership,
    }));
    const ended = run.then((owned) => superviseRun(owned, this.#context, { signal }))
      .catch(async (error) => {
        // Let go of it: the next look adopts it again.
        await ownership[Symbol.asyncDispose]();
        await this.#log(`Cannot look after run "${record.name}" (${id}): ${describeError(error)}`);
      })
      .finally(() => {
        this.#supervised.delete(id);
        this.#options.onEnded?.();
      });
    this.#supervised.set(id, { run, ended });
  }

  async #log(text: string): Promise<void> {
    await this.#context.stdio.error(`${new Date().toISOString()} ${text}\n`);
  }
}
