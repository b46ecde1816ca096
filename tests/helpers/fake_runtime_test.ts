import { createHomeId } from "../../core/ids.ts";
import { baseSpec, runtimeContract } from "../contracts/runtime_contract.ts";
import { FakeRuntime } from "./fake_runtime.ts";

runtimeContract("fake", {
  make() {
    const home = createHomeId();
    const runtime = new FakeRuntime();
    return Promise.resolve({
      runtime,
      home,
      spec: (changes = {}) => ({ ...baseSpec(home), ...changes }),
      [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
    });
  },
});
