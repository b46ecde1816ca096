import assert from "node:assert/strict";
import type { RuntimeProbe } from "../plugin/contract.ts";
import type { RuntimeFacts } from "../plugin/runtime.ts";
import { chooseRuntime, type RuntimeWish } from "./choose_runtime.ts";

const GVISOR_MISSING = { reason: "runsc is not among its runtimes", hint: "install runsc" };

function facts(changes: Partial<RuntimeFacts>): RuntimeProbe {
  return {
    kind: "available",
    facts: {
      id: "docker",
      target: "unix:///x",
      description: "",
      arch: "amd64",
      isolations: ["gvisor", "container"],
      defaultIsolation: "gvisor",
      abilities: ["images", "networks"],
      shiftedIds: false,
      workspace: "/workspace",
      notices: [],
      usesHostTools: false,
      ...changes,
    },
  };
}

const DOCKER = facts({});
const DOCKER_WITHOUT_GVISOR = facts({
  isolations: ["container"],
  defaultIsolationMissing: GVISOR_MISSING,
});
const NO_DOCKER: RuntimeProbe = {
  kind: "unavailable",
  reason: "no engine answers",
  hint: "start it",
};
const LOCAL = facts({
  id: "local",
  isolations: ["namespaces"],
  defaultIsolation: "namespaces",
  abilities: [],
  usesHostTools: true,
});
const NO_LOCAL: RuntimeProbe = { kind: "unavailable", reason: "seccomp", hint: "allow it" };

async function choose(
  docker: RuntimeProbe,
  local: RuntimeProbe,
  wish: Partial<RuntimeWish>,
): Promise<string> {
  const probes = new Map([["docker", docker], ["local", local]]);
  try {
    const choice = await chooseRuntime({ needs: [], ...wish }, {
      ids: ["docker", "local"],
      probe: (id) => Promise.resolve(probes.get(id) ?? NO_DOCKER),
    });
    return `${choice.facts.id} ${choice.isolation} ${choice.notices.length}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
}

const typed = (id: string) => ({ runtime: { id, origin: "typed" as const } });
const IMAGES = { needs: [{ ability: "images" as const, by: 'dependency "node"' }] };

const CASES: readonly [string, RuntimeProbe, RuntimeProbe, Partial<RuntimeWish>, string][] = [
  ["takes docker with gVisor", DOCKER, LOCAL, {}, "docker gvisor 0"],
  [
    "falls to local without gVisor and says so",
    DOCKER_WITHOUT_GVISOR,
    LOCAL,
    {},
    "local namespaces 1",
  ],
  ["falls to local without an engine", NO_DOCKER, LOCAL, {}, "local namespaces 1"],
  ["takes an engine alone when no isolation is wanted", DOCKER_WITHOUT_GVISOR, LOCAL, {
    isolation: "none",
  }, "docker container 0"],
  [
    "reports missing gVisor when local lacks an ability",
    DOCKER_WITHOUT_GVISOR,
    LOCAL,
    IMAGES,
    'Cannot choose a runtime: docker: runsc is not among its runtimes; local: it does not have what dependency "node" needs',
  ],
  [
    "refuses a named engine without gVisor",
    DOCKER_WITHOUT_GVISOR,
    LOCAL,
    typed("docker"),
    'Cannot isolate with gVisor on runtime "docker": runsc is not among its runtimes',
  ],
  ["allows it by name with none", DOCKER_WITHOUT_GVISOR, LOCAL, {
    ...typed("docker"),
    isolation: "none",
  }, "docker container 0"],
  [
    "never falls back from a name",
    NO_DOCKER,
    LOCAL,
    typed("docker"),
    'Cannot use runtime "docker": no engine answers',
  ],
  [
    "refuses gVisor on local",
    DOCKER,
    LOCAL,
    { ...typed("local"), isolation: "gvisor" },
    'Cannot isolate with gVisor on runtime "local": it cannot do that',
  ],
  [
    "none has no effect on local",
    DOCKER,
    LOCAL,
    { ...typed("local"), isolation: "none" },
    "local namespaces 0",
  ],
  [
    "names the ability that a named runtime lacks",
    DOCKER,
    LOCAL,
    { ...typed("local"), ...IMAGES },
    'Cannot run dependency "node" on runtime "local": it has no ability "images"',
  ],
  [
    "lists every reason when nothing works",
    NO_DOCKER,
    NO_LOCAL,
    {},
    "Cannot choose a runtime: docker: no engine answers; local: seccomp",
  ],
];

for (const [name, docker, local, wish, expected] of CASES) {
  Deno.test(`chooseRuntime() ${name}`, async () => {
    assert.equal(await choose(docker, local, wish), expected);
  });
}
