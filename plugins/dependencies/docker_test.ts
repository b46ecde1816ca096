import assert from "node:assert/strict";
import { MoatError, UsageError } from "../../core/errors.ts";
import type { Contribution, Target } from "../../core/plugin/contribution.ts";
import { docker } from "./docker.ts";

const BASE = { arch: "amd64", suite: "bookworm", present: ["docker"] } as const;

function contribute(mode: "host" | "dind", target: Partial<Target> = {}): Contribution {
  const entry = { text: `docker:${mode}`, id: "docker", argument: mode };
  return docker.contribute(entry, { ...BASE, ...target });
}

Deno.test("docker:host mounts the engine's socket where clients look, with its group", () => {
  const hostSocket = { path: "/run/user/1000/docker.sock", gid: 998, oddities: ["It is odd"] };
  const { mounts, groups, warnings, needs, privileged, sidecars } = contribute("host", {
    hostSocket,
  });
  assert.deepEqual(mounts, [{
    kind: "bind",
    source: "/run/user/1000/docker.sock",
    target: "/var/run/docker.sock",
    readOnly: false,
  }]);
  assert.deepEqual(groups, [998]);
  assert.deepEqual(needs, ["hostSocket", "images"]);
  assert.match(warnings?.[0] ?? "", /can become root here/);
  assert.equal(warnings?.[1], "It is odd");
  assert.deepEqual([privileged, sidecars], [undefined, undefined]);
});

Deno.test("docker:host says why there is no socket", () => {
  assert.throws(
    () => contribute("host", { hostSocket: { missing: "the engine is reached over TCP" } }),
    (error) =>
      error instanceof MoatError &&
      error.message === 'Cannot give the run "docker:host": the engine is reached over TCP' &&
      error.hint === "Write docker:dind for a private engine",
  );
});

Deno.test("docker:dind is privileged with a reason, on a volume without a name, beside a BuildKit", () => {
  const { privileged, privilegedFor, mounts, sidecars, env, needs, groups } = contribute("dind");
  assert.equal(privileged, true);
  assert.match(privilegedFor ?? "", /engine of docker:dind/);
  assert.deepEqual(mounts, [
    { kind: "volume", source: "", target: "/var/lib/docker", readOnly: false },
  ]);
  const [sidecar] = sidecars ?? [];
  assert.equal(sidecar?.name, "buildkit");
  assert.match(sidecar?.privileged ?? "", /containers of its own/);
  assert.deepEqual(sidecar?.ready, {
    kind: "grpc",
    port: 1234,
    method: "/moby.buildkit.v1.Control/ListWorkers",
  });
  assert.equal(env?.BUILDKIT_HOST, "tcp://buildkit:1234");
  assert.equal(groups?.length, 1);
  assert.deepEqual(needs, ["privileged", "images"]);
});

Deno.test("docker:dind keeps BuildKit's cache for the project unless told not to", () => {
  const kinds = (target: Partial<Target>) =>
    contribute("dind", target).sidecars?.flatMap(({ volumes = [] }) =>
      volumes.map(({ kind }) => kind)
    );
  assert.deepEqual(kinds({}), ["cache"]);
  assert.deepEqual(kinds({ dockerBuildCache: false }), ["scratch"]);
});

Deno.test("docker:dind takes MOAT_DIND_TIMEOUT in seconds, outside of the image", () => {
  const step = (timeout: string) =>
    contribute("dind", { hostEnv: { MOAT_DIND_TIMEOUT: timeout } }).initSteps?.[0];
  assert.deepEqual(step("90")?.env, { MOAT_DIND_TIMEOUT: "90" });
  assert.equal(step("90")?.start, contribute("dind").initSteps?.[0]?.start);
  for (const wrong of ["", "0", "-1", "1.5", "5s", "99999", "1\n2"]) {
    assert.throws(() => step(wrong), /is no number of seconds/, JSON.stringify(wrong));
  }
});

Deno.test("both modes are refused under gVisor with one setting", () => {
  for (const mode of ["host", "dind"] as const) {
    assert.deepEqual(
      contribute(mode).refuses?.map(({ isolation, hint }) => [isolation, hint]),
      [["gvisor", "Write sandbox: none in moat.yaml"]],
    );
  }
});

Deno.test("Debian's packages need trixie: taken as the base, and an older base_image is refused", () => {
  const entry = { text: "docker:dind", id: "docker", argument: "dind" };
  assert.equal(docker.base?.(entry, { dockerPackages: "debian" }), "debian:trixie-slim");
  assert.equal(docker.base?.(entry, {}), undefined);
  for (const mode of ["host", "dind"] as const) {
    assert.throws(() => contribute(mode, { dockerPackages: "debian" }), UsageError);
    const { apt = [] } = contribute(mode, { dockerPackages: "debian", suite: "trixie" });
    assert(apt.includes("docker-buildx"));
  }
});

Deno.test({
  name: "the scripts of docker:dind are shell that sh can read",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { initSteps = [], files = {} } = contribute("dind", {
      dockerPackages: "debian",
      suite: "trixie",
    });
    const scripts = [
      ...initSteps.flatMap(({ start, stop = "" }) => [start, stop]),
      ...Object.values(files).map(({ content }) => content),
    ];
    assert.equal(scripts.length, 3);
    for (const script of scripts) {
      const { success, stderr } = await new Deno.Command("sh", { args: ["-n", "-c", script] })
        .output();
      assert(success, new TextDecoder().decode(stderr));
    }
  },
});
