/**
 * The runtime in memory as the contract's suites want it.
 *
 * @module
 */

import { createHomeId, engineName, runLabels } from "../../core/ids.ts";
import { baseCompanion, type CompanionSubject } from "../contracts/companion_contract.ts";
import { baseSpec, type RuntimeSubject } from "../contracts/runtime_contract.ts";
import { FakeRuntime } from "./fake_runtime.ts";

/** Changes a runtime before a suite sees it. */
export type ChangeFake = (runtime: FakeRuntime) => void;

/** A runtime, and nothing in it but an image. */
export async function makeFake(change: ChangeFake = () => {}): Promise<RuntimeSubject> {
  const home = createHomeId();
  const runtime = new FakeRuntime();
  const image = "fake:image";
  await runtime.images.pull(image);
  change(runtime);
  return {
    runtime,
    home,
    spec: (changes = {}) => ({ ...baseSpec(home), image, ...changes }),
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}

/** A runtime with the network of a run. */
export async function makeFakeCompanions(
  change: ChangeFake = () => {},
): Promise<CompanionSubject> {
  const home = createHomeId();
  const runtime = new FakeRuntime();
  change(runtime);
  const base = baseSpec(home);
  const network = engineName(base.runId);
  const labels = runLabels(home, base.runId, "network");
  await runtime.networks.create({ name: network, subnet: "192.0.2.0/28", labels });
  let last = 2;
  return {
    runtime,
    home,
    user: { uid: 0, gid: 0 },
    run: (changes = {}) => ({
      ...base,
      network: { kind: "own", name: network, address: "192.0.2.2" },
      ...changes,
    }),
    companion: (name, changes = {}) => ({
      ...baseCompanion(home, base.runId, name),
      network: { name: network, address: `192.0.2.${++last}` },
      ...changes,
    }),
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}
