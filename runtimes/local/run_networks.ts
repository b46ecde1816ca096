/**
 * Which of this process's runs share a network namespace with their services, and when it goes.
 *
 * @module
 */

import { LABEL } from "../../core/ids.ts";
import { readRecord, sandboxesDirectory, sandboxPaths } from "./sandbox_state.ts";
import {
  ensureSharedNetwork,
  findSharedNetwork,
  listSharedNetworks,
  removeSharedNetwork,
  type SharedNetwork,
} from "./shared_network.ts";
import { directoryNames } from "./state_files.ts";

/** Options of {@linkcode RunNetworks}. */
export interface RunNetworksOptions {
  readonly stateDir: string;
  readonly arch: "amd64" | "arm64";
}

/** The shared namespaces of one state directory. */
export class RunNetworks {
  readonly #options: RunNetworksOptions;
  readonly #making = new Map<string, Promise<SharedNetwork>>();

  constructor(options: RunNetworksOptions) {
    this.#options = options;
  }

  /** Makes the run's, once, however many services are made at a time. */
  async ensure(runId: string): Promise<SharedNetwork> {
    const making = this.#making.get(runId) ??
      ensureSharedNetwork({ ...this.#options, runId }, this.#options.arch);
    this.#making.set(runId, making);
    try {
      return await making;
    } finally {
      this.#making.delete(runId);
    }
  }

  /** The run's, where it has services. */
  async find(runId: string): Promise<SharedNetwork | undefined> {
    return await findSharedNetwork({ ...this.#options, runId });
  }

  /** Lets go of what no sandbox is left of. `leaving` is about to be removed. Idempotent. */
  async release(leaving?: string): Promise<void> {
    const { stateDir } = this.#options;
    const unused = new Set(await listSharedNetworks(stateDir));
    for (const runId of this.#making.keys()) unused.delete(runId);
    if (unused.size === 0) return;
    for (const name of await directoryNames(sandboxesDirectory(stateDir))) {
      if (name === leaving) continue;
      const record = await readRecord(sandboxPaths(stateDir, name));
      const runId = record?.labels[LABEL.runId];
      if (runId !== undefined) unused.delete(runId);
    }
    for (const runId of unused) await removeSharedNetwork({ stateDir, runId });
  }
}
