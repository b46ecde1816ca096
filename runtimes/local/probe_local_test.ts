import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import { createLocalSubject, LOCAL_BACKENDS } from "../../tests/helpers/local_subject.ts";
import { createHomeId } from "../../core/ids.ts";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import { probeLocal } from "./probe_local.ts";
import { isStamped } from "./trial_stamp.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

function environment(
  stateDir: string,
  env: Readonly<Record<string, string>> = {},
): RuntimeEnvironment {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  return { os: "linux", arch, env: { PATH, ...env }, stateDir, home: "h" };
}

for (const { backend, needs } of LOCAL_BACKENDS) {
  Deno.test({
    ...requires(...needs),
    name: `probeLocal() builds a sandbox with ${backend} and leaves nothing`,
    async fn() {
      const stateDir = await Deno.makeTempDir({ prefix: "moat-probe-" });
      const probe = await probeLocal(environment(stateDir, { MOAT_LOCAL_BACKEND: backend }));
      assert.equal(probe.kind === "available" ? probe.facts.target : probe.reason, backend);
      // Fails when anything is in it.
      await Deno.remove(stateDir);
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `probeLocal() believes a start with ${backend} until something changes`,
    async fn() {
      await using subject = await createLocalSubject({
        backend,
        home: createHomeId(),
        spec: baseSpec,
      });
      const here = environment(subject.stateDir);
      assert.equal(await isStamped(here, backend), false);
      const spec = subject.spec();
      await subject.runtime.create(spec);
      await subject.runtime.start(spec);
      await subject.runtime.wait(spec.name);
      assert.equal(await isStamped(here, backend), true);
      const stamp = `${subject.stateDir}/works-${backend}-${Deno.uid()}`;
      await Deno.writeTextFile(stamp, "another boot\n");
      assert.equal(await isStamped(here, backend), false);
    },
  });
}

Deno.test({
  ...requires("linux"),
  name: "probeLocal() takes unshare where there is no bubblewrap",
  async fn() {
    const empty = await Deno.makeTempDir({ prefix: "moat-probe-" });
    const probe = await probeLocal(environment(empty, { PATH: empty }));
    assert.equal(probe.kind === "available" ? probe.facts.target : probe.reason, "unshare");
    await Deno.remove(empty);
  },
});

Deno.test({
  ...requires("linux"),
  name: "probeLocal() says why a backend that is asked for does not work",
  async fn() {
    const empty = await Deno.makeTempDir({ prefix: "moat-probe-" });
    const env = { PATH: empty, MOAT_LOCAL_BACKEND: "bubblewrap" };
    const probe = await probeLocal(environment(empty, env));
    assert.ok(probe.kind === "unavailable");
    assert.match(probe.reason, /bwrap is not installed/);
    assert.match(probe.hint, /bubblewrap/);
    await Deno.remove(empty);
  },
});
