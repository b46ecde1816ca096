/**
 * The docker runtime: names in, engine calls out. Each ability has a file of its own.
 *
 * @module
 */

import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type {
  Attachment,
  CallOptions,
  Companions,
  ContainerSpec,
  ContainerState,
  Exec,
  ExecSpec,
  ExitStatus,
  Images,
  LoggedChunk,
  Networks,
  OwnedResource,
  Reattach,
  Resource,
  Runtime,
  Volumes,
} from "../../core/plugin/runtime.ts";
import { acceptInside } from "./accept.ts";
import { createCompanions } from "./companions.ts";
import { dialContainer } from "./dial.ts";
import { DialRelays } from "./dial_relays.ts";
import type { Engine } from "./engine.ts";
import { execInContainer } from "./exec_in_container.ts";
import { createImages } from "./images.ts";
import { inspectContainer } from "./inspect_container.ts";
import { listOwned } from "./list_owned.ts";
import { createNetwork } from "./networks.ts";
import { readLogs } from "./read_logs.ts";
import { reattach } from "./reattach.ts";
import { removeResource } from "./remove_resource.ts";
import {
  createContainer,
  killContainer,
  startContainer,
  stopContainer,
  waitContainer,
} from "./run_container.ts";
import { ensureVolume } from "./volumes.ts";

/** What a docker runtime is made of. */
export interface DockerRuntimeOptions {
  readonly target: string;
  /** System of this machine. */
  readonly os: RuntimeEnvironment["os"];
  /** Where the runtime keeps what it found out; may be empty. */
  readonly stateDir: string;
  /** Environment of moat itself, for registry credentials. */
  readonly env: Readonly<Record<string, string>>;
  readonly build?: NonNullable<Images["build"]>;
}

/** Runs containers on one engine. Disposing ends connections into containers. */
export class DockerRuntime implements Runtime {
  readonly id = "docker";
  readonly target: string;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly reattach: Reattach;
  readonly companions: Companions;
  readonly dial: NonNullable<Runtime["dial"]>;
  readonly accept: NonNullable<Runtime["accept"]>;
  /** The engine keeps everything by itself. */
  readonly supervise = undefined;
  readonly privileged = true;
  readonly #engine: Engine;
  readonly #relays: DialRelays;
  readonly #stateDir: string;

  constructor(engine: Engine, options: DockerRuntimeOptions) {
    const { target, os, stateDir, env, build } = options;
    this.#engine = engine;
    this.#stateDir = stateDir;
    this.target = target;
    this.images = createImages(engine, { env, ...(build === undefined ? {} : { build }) });
    this.companions = createCompanions(engine, target);
    const isHere = target.startsWith("unix://") && os === "linux";
    const relays = this.#relays = new DialRelays(engine);
    this.dial = (name, port, options) =>
      dialContainer(engine, name, { ...options, port, isHere, relays });
    this.accept = (name, port, options) => acceptInside(engine, name, { ...options, port });
    this.networks = { create: (network, options) => createNetwork(engine, network, options) };
    this.volumes = { ensure: (volume, options) => ensureVolume(engine, volume, options) };
    this.reattach = { attach: (name, options) => reattach(engine, name, options) };
  }

  create(spec: ContainerSpec, options?: CallOptions): Promise<void> {
    const { target } = this;
    return createContainer(this.#engine, spec, { ...options, target, stateDir: this.#stateDir });
  }

  start(spec: ContainerSpec, options?: CallOptions): Promise<Attachment | undefined> {
    return startContainer(this.#engine, spec, options);
  }

  wait(name: string, options?: CallOptions): Promise<ExitStatus> {
    return waitContainer(this.#engine, name, options);
  }

  stop(name: string, options?: { readonly graceMs?: number } & CallOptions): Promise<void> {
    return stopContainer(this.#engine, name, options);
  }

  kill(name: string, signal: string): Promise<void> {
    return killContainer(this.#engine, name, signal);
  }

  remove(resource: Resource, options?: CallOptions): Promise<void> {
    return removeResource(this.#engine, resource, options);
  }

  inspect(name: string, options?: CallOptions): Promise<ContainerState | undefined> {
    return inspectContainer(this.#engine, name, options);
  }

  list(home: string, options?: CallOptions): Promise<readonly OwnedResource[]> {
    return listOwned(this.#engine, home, options);
  }

  logs(
    name: string,
    options: { readonly follow: boolean; readonly after?: string } & CallOptions,
  ): AsyncIterable<LoggedChunk> {
    return readLogs(this.#engine, name, options);
  }

  exec(name: string, spec: ExecSpec, options?: CallOptions): Promise<Exec> {
    return execInContainer(this.#engine, { name, spec }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relays[Symbol.asyncDispose]();
    this.#engine[Symbol.dispose]();
  }
}
