import { requires } from "../../tests/helpers/machine.ts";
import { baseSpec, runtimeContract } from "../../tests/contracts/runtime_contract.ts";
import { createHomeId } from "../../core/ids.ts";
import { createLocalSubject, LOCAL_BACKENDS } from "../../tests/helpers/local_subject.ts";

const SKIP = {
  "attach() connects to a running command again": "a sandbox's terminal belongs to its starter",
};

for (const { backend, needs } of LOCAL_BACKENDS) {
  runtimeContract(`local, ${backend}`, {
    ...requires(...needs),
    skip: SKIP,
    make: () => createLocalSubject({ backend, spec: baseSpec, home: createHomeId() }),
  });
}

runtimeContract("local, root for another owner", {
  ...requires("linux", "root"),
  skip: SKIP,
  make: () =>
    createLocalSubject({
      backend: "unshare",
      home: createHomeId(),
      spec: (home) => ({ ...baseSpec(home), uid: 23456, gid: 23457 }),
    }),
});
