import { createHomeId, engineName, runLabels } from "../../core/ids.ts";
import { acceptContract } from "../contracts/accept_contract.ts";
import { baseCompanion, companionContract } from "../contracts/companion_contract.ts";
import { baseSpec, runtimeContract, type RuntimeSubject } from "../contracts/runtime_contract.ts";
import { FakeRuntime } from "./fake_runtime.ts";

runtimeContract("fake", { make });

acceptContract("fake", {
  make,
  skip: {
    "a client that reads nothing holds up its own connection alone": "its streams hold everything",
  },
});

companionContract("fake", {
  async make() {
    const home = createHomeId();
    const runtime = new FakeRuntime();
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
  },
});

function make(): Promise<RuntimeSubject> {
  const home = createHomeId();
  const runtime = new FakeRuntime();
  return Promise.resolve({
    runtime,
    home,
    spec: (changes = {}) => ({ ...baseSpec(home), ...changes }),
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  });
}
