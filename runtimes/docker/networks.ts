/**
 * Private networks: one bridge for each run.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { CallOptions, Networks } from "../../core/plugin/runtime.ts";
import { type Engine, EngineError } from "./engine.ts";

type Network = Parameters<Networks["create"]>[0];

/** Creates the network. @throws MoatError that says so when the subnet overlaps one in use */
export async function createNetwork(
  engine: Engine,
  { name, subnet, labels }: Network,
  { signal }: CallOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const doing = `create network "${name}"`;
  try {
    // Not interruptible: an engine goes on creating when its caller leaves.
    await engine.call({
      method: "POST",
      path: "/networks/create",
      body: {
        Name: name,
        CheckDuplicate: true,
        Driver: "bridge",
        IPAM: { Driver: "default", Config: [{ Subnet: subnet }] },
        Labels: labels,
      },
      doing,
    });
  } catch (error) {
    if (!(error instanceof EngineError) || !/overlap/i.test(error.reason)) throw error;
    throw new MoatError(`Cannot ${doing}: subnet ${subnet} overlaps one in use`, {
      cause: error,
      hint: "Choose another network.pool in config.yaml",
    });
  }
}
