/**
 * A docker runtime on a real engine, with a home of its own that is emptied afterwards.
 *
 * @module
 */

import { createHomeId, engineName, runLabels } from "../../core/ids.ts";
import type { Isolation, Networks } from "../../core/plugin/runtime.ts";
import { docker } from "../../runtimes/docker/plugin.ts";
import { baseCompanion, type CompanionSubject } from "../contracts/companion_contract.ts";
import { baseSpec, type RuntimeSubject } from "../contracts/runtime_contract.ts";
import { has } from "./machine.ts";

/** The isolations that docker can give on this machine. */
export function dockerIsolations(): readonly Isolation[] {
  return has("gvisor") ? ["container", "gvisor"] : ["container"];
}

/** Opens the engine at the target. */
export async function makeDocker(target: string, isolation: Isolation): Promise<RuntimeSubject> {
  const home = createHomeId();
  const runtime = await docker.open(
    { os: "linux", arch: "amd64", env: Deno.env.toObject(), stateDir: "", home },
    target,
  );
  return {
    runtime,
    home,
    spec: (changes = {}) => ({
      ...baseSpec(home),
      image: "debian:bookworm-slim",
      isolation,
      workdir: "/workspace",
      network: { kind: "own", name: "bridge" },
      ...changes,
    }),
    async [Symbol.asyncDispose]() {
      for (const resource of await runtime.list(home)) await runtime.remove(resource);
      await runtime[Symbol.asyncDispose]();
    },
  };
}

/** Opens the engine at the target and makes the network of a run. */
export async function makeDockerCompanions(
  target: string,
  isolation: Isolation,
): Promise<CompanionSubject> {
  const { runtime, home, spec, ...subject } = await makeDocker(target, isolation);
  const run = spec();
  const { networks } = runtime;
  if (networks === undefined) throw new TypeError("docker has networks");
  const name = engineName(run.runId);
  const labels = runLabels(home, run.runId, "network");
  const addressAt = await createSomeNetwork(networks, { name, labels });
  let last = 2;
  return {
    ...subject,
    runtime,
    home,
    user: { uid: 0, gid: 0 },
    run: (changes = {}) => ({
      ...run,
      network: { kind: "own", name, address: addressAt(2) },
      ...changes,
    }),
    companion: (companion, changes = {}) => ({
      ...baseCompanion(home, run.runId, companion),
      image: "debian:bookworm-slim",
      isolation,
      network: { name, address: addressAt(++last) },
      ...changes,
    }),
  };
}

/** A /28 that nobody else has, and the address of its nth host. */
export async function createSomeNetwork(
  networks: Networks,
  network: Omit<Parameters<Networks["create"]>[0], "subnet">,
): Promise<(n: number) => string> {
  for (let left = 20;; left--) {
    const [third = 0, fourth = 0] = crypto.getRandomValues(new Uint8Array(2));
    const base = fourth & 0xf0;
    try {
      await networks.create({ ...network, subnet: `10.214.${third}.${base}/28` });
      return (n) => `10.214.${third}.${base + n}`;
    } catch (error) {
      if (left === 0 || !(error instanceof Error) || !/overlaps/.test(error.message)) throw error;
    }
  }
}
