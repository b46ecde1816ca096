/**
 * A docker runtime on a real engine, with a home of its own that is emptied afterwards.
 *
 * @module
 */

import { createHomeId } from "../../core/ids.ts";
import type { Isolation } from "../../core/plugin/runtime.ts";
import { docker } from "../../runtimes/docker/plugin.ts";
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
