/**
 * Connections into sandboxes by name: finds the relay that stands in a sandbox's network, or starts
 * one, once however many connections wait for it.
 *
 * What was found is kept as long as the sandbox lives, as a router connects often.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { LABEL } from "../../core/ids.ts";
import type { ByteStream, CallOptions } from "../../core/plugin/runtime.ts";
import { dialThrough, startRelay } from "./dial_relay.ts";
import { isAlive } from "./process_identity.ts";
import type { RunNetworks } from "./run_networks.ts";
import { type ProcessIdentity, readProcess, readRecord, sandboxPaths } from "./sandbox_state.ts";

/** Options of {@linkcode SandboxDialer}. */
export interface SandboxDialerOptions {
  readonly stateDir: string;
  readonly arch: "amd64" | "arm64";
  readonly networks: RunNetworks;
}

/** Where a sandbox's relay is, or will be. */
interface Place {
  readonly process: ProcessIdentity;
  readonly directory: string;
}

/** Connects into the sandboxes of one state directory. */
export class SandboxDialer {
  readonly #options: SandboxDialerOptions;
  readonly #places = new Map<string, Place>();
  readonly #starting = new Map<string, Promise<unknown>>();

  constructor(options: SandboxDialerOptions) {
    this.#options = options;
  }

  /** @throws MoatError when the sandbox does not run, or nothing listens there */
  async dial(name: string, port: number, { signal }: CallOptions): Promise<ByteStream> {
    const { process, directory } = await this.#find(name, port);
    const start = () => this.#start(directory, process.pid);
    return await dialThrough(port, { name, directory, start, signal });
  }

  async #find(name: string, port: number): Promise<Place> {
    const known = this.#places.get(name);
    if (known !== undefined && isAlive(known.process)) return known;
    this.#places.delete(name);
    const paths = sandboxPaths(this.#options.stateDir, name);
    const process = await readProcess(paths);
    if (process === undefined || !isAlive(process)) {
      throw new MoatError(`Cannot connect to port ${port} of sandbox "${name}": it is not running`);
    }
    const record = await readRecord(paths);
    const shared = await this.#options.networks.find(record?.labels[LABEL.runId] ?? "");
    const place = { process, directory: shared?.directory ?? paths.directory };
    this.#places.set(name, place);
    return place;
  }

  async #start(directory: string, pid: number): Promise<void> {
    const starting = this.#starting.get(directory) ??
      startRelay({ directory, pid, arch: this.#options.arch });
    this.#starting.set(directory, starting);
    try {
      await starting;
    } finally {
      this.#starting.delete(directory);
    }
  }
}
