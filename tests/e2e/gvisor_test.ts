import assert from "node:assert/strict";
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

/** An engine that answers what is asked before a plan, and has no gVisor. */
async function withEngineWithoutGvisor(use: (target: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "moat-engine-" });
  const path = `${directory}/docker.sock`;
  const info = {
    ServerVersion: "29.0.0",
    OSType: "linux",
    Architecture: "x86_64",
    Runtimes: { runc: { path: "runc" } },
    DefaultRuntime: "runc",
    SecurityOptions: ["name=seccomp,profile=builtin"],
    DockerRootDir: "/var/lib/docker",
    Driver: "overlay2",
  };
  const version = {
    Version: "29.0.0",
    ApiVersion: "1.51",
    MinAPIVersion: "1.40",
    Os: "linux",
    Arch: "amd64",
  };
  const server = Deno.serve({ path, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname.endsWith("/_ping")) {
      return new Response("OK", { headers: { "Api-Version": "1.51" } });
    }
    if (pathname.endsWith("/info")) return Response.json(info);
    if (pathname.endsWith("/version")) return Response.json(version);
    return Response.json({ message: "not there" }, { status: 404 });
  });
  try {
    await use(`unix://${path}`);
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: "an engine without gVisor: refused by name, passed over by choice, taken with none",
  ...requires("linux"),
  fn: async () => {
    await withEngineWithoutGvisor(async (target) => {
      await using home = await TestHome.create({ DOCKER_HOST: target });
      const plan = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await home.moat(["plan", "--json", ...args]);
        return { code, stderr, runtime: code === 0 ? JSON.parse(stdout).runtime : undefined };
      };
      const named = await plan("--runtime", "docker");
      assert.notEqual(named.code, 0);
      for (
        const wayOut of ["--isolation none", "sandbox: none", "MOAT_NO_SANDBOX=1", "runsc install"]
      ) {
        assert(named.stderr.includes(wayOut), `${wayOut} in: ${named.stderr}`);
      }
      const chosen = await plan();
      assert.equal(chosen.runtime?.id, "local", chosen.stderr);
      assert.match(chosen.runtime?.reason, /docker/);
      const out = await plan("--isolation", "none");
      assert.deepEqual([out.runtime?.id, out.runtime?.isolation], ["docker", "container"]);
    });
  },
});
