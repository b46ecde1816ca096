/**
 * The docker runtime as a plugin: finds an engine, says what it can do, opens it.
 *
 * @module
 */

import { describeError, InterruptedError, MoatError } from "../../core/errors.ts";
import type { RuntimePlugin, RuntimeProbe } from "../../core/plugin/contract.ts";
import { createBuilder } from "./buildkit/build_image.ts";
import { connectTo } from "./connect_engine.ts";
import { DockerRuntime } from "./docker_runtime.ts";
import { Engine } from "./engine.ts";
import { addressOf, findEngine, type FoundEngine, type TriedSocket } from "./find_engine.ts";
import { probeEngine } from "./probe_engine.ts";

/** Containers on a Docker Engine, or one that speaks its API. */
export const docker: RuntimePlugin = {
  kind: "runtime",
  id: "docker",
  summary: "Containers on a Docker Engine, with gVisor where it is installed",

  async probe(environment, { signal, target } = {}) {
    try {
      const found: FoundEngine | readonly TriedSocket[] = target === undefined
        ? await findEngine(environment)
        : { target, address: await addressOf(target, environment) };
      if (!("target" in found)) return noEngine(found);
      using engine = new Engine(connectTo(found.address));
      const { os, arch } = environment;
      const { target: foundTarget, address: { url } } = found;
      const facts = await probeEngine(engine, { target: foundTarget, url, os, arch, signal });
      return { kind: "available", facts };
    } catch (error) {
      if (!(error instanceof MoatError) || error instanceof InterruptedError) throw error;
      return unusable(error, target ?? environment.env.DOCKER_HOST);
    }
  },

  async open(environment, target) {
    const connect = connectTo(await addressOf(target, environment));
    const engine = new Engine(connect);
    const { env } = environment;
    return new DockerRuntime(engine, {
      target,
      os: environment.os,
      stateDir: environment.stateDir,
      env,
      build: createBuilder({ engine, connect, env }),
    });
  },
};

function unusable(error: MoatError, named: string | undefined): RuntimeProbe {
  // The reason stands behind "Cannot use runtime": one "Cannot" is enough.
  const reason = describeError(error).replace(/^Cannot ask [^:]*: /, "");
  // `moat doctor` shows this same hint.
  const hint = error.hint === "moat doctor" ? undefined : error.hint;
  if (!named) return { kind: "unavailable", reason, hint: hint ?? "docker info" };
  return {
    kind: "unavailable",
    reason: reason.includes(named) ? reason : `${reason} (${named})`,
    hint: hint ?? "Start that engine, or correct DOCKER_HOST",
  };
}

function noEngine(tried: readonly TriedSocket[]): RuntimeProbe {
  const denied = tried.find(({ reason }) => reason === "denied");
  if (denied !== undefined) {
    return {
      kind: "unavailable",
      reason: `you may not use its socket ${denied.path}`,
      hint: "sudo usermod -aG docker $USER   (then log in again)",
    };
  }
  const dead = tried.find(({ reason }) => reason === "dead");
  return {
    kind: "unavailable",
    reason: dead === undefined
      ? "no engine was found at the usual sockets"
      : `nothing answers at its socket ${dead.path}`,
    hint: "Start Docker, or set DOCKER_HOST",
  };
}
