import assert from "node:assert/strict";
import { connectTo } from "./connect_engine.ts";
import { Engine } from "./engine.ts";
import { ensureEngineSees } from "./engine_sees.ts";
import { makeDocker } from "../../tests/helpers/docker_subject.ts";
import { requires, testEngines } from "../../tests/helpers/machine.ts";

for (const target of testEngines()) {
  Deno.test({
    name: `ensureEngineSees() tells this machine's directory from another (${target})`,
    ...requires("docker"),
    async fn() {
      await using subject = await makeDocker(target, "container");
      using engine = new Engine(connectTo({ url: target }));
      const [mounted, other, stateDir] = [
        await Deno.makeTempDir(),
        await Deno.makeTempDir(),
        await Deno.makeTempDir(),
      ];
      const spec = subject.spec({
        mounts: [{ kind: "bind", source: mounted, target: "/workspace", readOnly: false }],
      });
      await subject.runtime.create(spec);
      const options = { target, stateDir, signal: undefined };
      const [mount] = spec.mounts;
      assert.ok(mount !== undefined);
      await assert.rejects(
        ensureEngineSees(engine, { ...spec, mounts: [{ ...mount, source: other }] }, options),
        /does not see it, it runs on another machine/,
      );
      assert.deepEqual([...Deno.readDirSync(stateDir)], []);
      await ensureEngineSees(engine, spec, options);
      assert.equal([...Deno.readDirSync(stateDir)].length, 1);
      assert.deepEqual([...Deno.readDirSync(mounted), ...Deno.readDirSync(other)], []);
      for (const path of [mounted, other, stateDir]) await Deno.remove(path, { recursive: true });
    },
  });
}
