import assert from "node:assert/strict";
import { startFakeEngine } from "../helpers/fake_engine.ts";
import { requires, testEngines } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";

for (const [index, target] of testEngines().entries()) {
  const env = { MOAT_RUNTIME: "docker", DOCKER_HOST: target };
  Deno.test({
    name: `docker ${index + 1}: gVisor unless asked otherwise, read back from the engine`,
    ...requires("gvisor"),
    fn: async () => {
      await using home = await TestHome.create(env);
      assert.match(await home.ok(["run", "--", "dmesg"]), /Starting gVisor/);
      const plain = await home.moat(["run", "--isolation", "none", "--", "sh", "-c", "uname -r"]);
      assert.notEqual(plain.stdout, "4.4.0\n");
      assert.match(plain.stderr, /warning: .*gVisor is off/);
      const runs: unknown = JSON.parse(await home.ok(["list", "--json"]));
      assert(Array.isArray(runs));
      assert.deepEqual(
        runs.map(({ isolation, isolatedBy }) => [isolation, isolatedBy !== "runsc"]),
        [
          ["container", true],
          ["gvisor", false],
        ],
      );
    },
  });
}

Deno.test({
  name: "an engine without gVisor: refused by name, passed over by choice, taken with none",
  ...requires("linux"),
  fn: async () => {
    await using engine = await startFakeEngine("runc");
    await using home = await TestHome.create({ DOCKER_HOST: engine.target });
    const named = await plan(home, ["--runtime", "docker"]);
    assert.notEqual(named.code, 0);
    for (
      const wayOut of ["--isolation none", "sandbox: none", "MOAT_NO_SANDBOX=1", "runsc install"]
    ) {
      assert(named.stderr.includes(wayOut), `${wayOut} in: ${named.stderr}`);
    }
    const chosen = await plan(home);
    assert.equal(chosen.runtime?.id, "local", chosen.stderr);
    assert.match(chosen.runtime?.reason, /docker/);
    const out = await plan(home, ["--isolation", "none"]);
    assert.deepEqual([out.runtime?.id, out.runtime?.isolation], ["docker", "container"]);
  },
});

Deno.test({
  name: "an engine that loses gVisor between two commands is asked again by the second",
  ...requires("linux"),
  fn: async () => {
    await using engine = await startFakeEngine("runc", "runsc");
    await using home = await TestHome.create({
      DOCKER_HOST: engine.target,
      MOAT_RUNTIME: "docker",
    });
    const before = await plan(home);
    assert.equal(before.runtime?.isolation, "gvisor", before.stderr);
    engine.ociRuntimes = ["runc"];
    const after = await plan(home);
    assert.match(after.stderr, /no OCI runtime "runsc"/);
    assert.notEqual(after.code, 0);
  },
});

const WAYS_OUT: readonly {
  readonly title: string;
  readonly args?: readonly string[];
  readonly variable?: string;
  readonly file?: string;
  readonly isolation: "gvisor" | "container";
}[] = [
  { title: "nothing", isolation: "gvisor" },
  { title: "--isolation none", args: ["--isolation", "none"], isolation: "container" },
  { title: "--no-sandbox", args: ["--no-sandbox"], isolation: "container" },
  { title: "MOAT_NO_SANDBOX=1", variable: "1", isolation: "container" },
  { title: "MOAT_NO_SANDBOX=0", variable: "0", isolation: "gvisor" },
  { title: "sandbox: none", file: "sandbox: none", isolation: "container" },
  {
    title: "--isolation gvisor before MOAT_NO_SANDBOX=1",
    args: ["--isolation", "gvisor"],
    variable: "1",
    isolation: "gvisor",
  },
  {
    title: "--isolation gvisor before sandbox: none",
    args: ["--isolation", "gvisor"],
    file: "sandbox: none",
    isolation: "gvisor",
  },
];

Deno.test({
  name: "ways out of gVisor: what is typed goes before the variable, the variable before the file",
  ...requires("linux"),
  fn: async (t) => {
    await using engine = await startFakeEngine("runc", "runsc");
    await using home = await TestHome.create({
      DOCKER_HOST: engine.target,
      MOAT_RUNTIME: "docker",
    });
    for (const { title, args, variable, file = "", isolation } of WAYS_OUT) {
      await t.step(title, async () => {
        await home.write("moat.yaml", `name: out\n${file}\n`);
        const { runtime, stderr } = await plan(home, args, variable);
        assert.equal(runtime?.isolation, isolation, stderr);
        // Nobody reads that a wall is gone in a plan that keeps it.
        assert.equal(runtime?.reducedFrom, isolation === "gvisor" ? undefined : "gvisor");
      });
    }
  },
});

const WRONG: readonly {
  readonly title: string;
  readonly args?: readonly string[];
  readonly variable?: string;
  readonly file?: string;
  readonly says: RegExp;
}[] = [
  { title: "--isolation", args: ["--isolation", "runsc"], says: /Cannot use "runsc" .*gvisor/s },
  {
    title: "--no-sandbox beside --isolation gvisor",
    args: ["--no-sandbox", "--isolation", "gvisor"],
    says: /Cannot use --no-sandbox with --isolation gvisor/,
  },
  { title: "MOAT_NO_SANDBOX", variable: "yes", says: /Cannot use MOAT_NO_SANDBOX="yes"/ },
  { title: "sandbox:", file: "sandbox: off", says: /moat\.yaml:2:10: .*sandbox/ },
];

Deno.test({
  name: "ways out of gVisor: a wrong value is an error, never a guess",
  ...requires("linux"),
  fn: async (t) => {
    await using engine = await startFakeEngine("runc", "runsc");
    await using home = await TestHome.create({
      DOCKER_HOST: engine.target,
      MOAT_RUNTIME: "docker",
    });
    for (const { title, args, variable, file = "", says } of WRONG) {
      await t.step(title, async () => {
        await home.write("moat.yaml", `name: wrong\n${file}\n`);
        const { code, stderr } = await plan(home, args, variable);
        assert.match(stderr, says);
        assert.equal(code, 2);
      });
    }
  },
});

interface Planned {
  readonly code: number;
  readonly stderr: string;
  readonly runtime:
    | { readonly id: string; readonly reason: string; readonly isolation: string }
      & { readonly reducedFrom?: string }
    | undefined;
}

async function plan(
  home: TestHome,
  args: readonly string[] = [],
  variable?: string,
): Promise<Planned> {
  const { code, stdout, stderr } = await home.moat(["plan", "--json", ...args], {
    env: variable === undefined ? {} : { MOAT_NO_SANDBOX: variable },
  });
  return { code, stderr, runtime: code === 0 ? JSON.parse(stdout).runtime : undefined };
}
