/** A plugin that is code and means harm, and the walls that hold it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { createHomeId } from "../../core/ids.ts";
import { codeSandboxSpec } from "../../core/plugin/code/code_sandbox.ts";
import { findProgram } from "../../runtimes/local/find_program.ts";
import { openLocalRuntime } from "../../runtimes/local/local_runtime.ts";
import { assertAttacksFail, HostilePlugin } from "../helpers/hostile_plugin.ts";
import { LOCAL_BACKENDS } from "../helpers/local_subject.ts";
import { requires } from "../helpers/machine.ts";

Deno.test({
  name: "a hostile plugin reaches nothing and ends alone",
  ...requires("linux"),
  async fn() {
    await using hostile = await HostilePlugin.install();
    await assertAttacksFail(hostile);
  },
});

/** The wall by itself: a program with all of Deno's permissions, and none at all, in the sandbox. */
for (const { backend, needs } of LOCAL_BACKENDS) {
  Deno.test({
    name: `the sandbox of plugins hides files, variables and networks by itself: ${backend}`,
    ...requires("linux", ...needs),
    async fn() {
      await using hostile = await HostilePlugin.install();
      const command = ["/bin/bash", "-c", SPY, "spy", hostile.secret, String(hostile.port)];
      const env = { ...Deno.env.toObject(), MOAT_SECRET: "SECRET-VALUE" };
      const [program = "", ...args] = command;
      const outside = await new Deno.Command(program, { args, env }).output();
      assert.equal(decode(outside.stdout), "file variable network\n", "the spy is no spy");

      const state = join(hostile.home.directory, "sandboxes");
      await using runtime = openLocalRuntime({
        os: "linux",
        arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
        env,
        stateDir: state,
        home: createHomeId(),
      }, { backend, bubblewrap: findProgram("bwrap", env) ?? "" });
      const spec = {
        ...await codeSandboxSpec({ directory: hostile.directory, permissions: {} }, {
          self: [Deno.execPath()],
          env,
        }),
        command,
      };
      await runtime.create(spec);
      try {
        const attachment = await runtime.start(spec);
        assert(attachment !== undefined);
        let said = "";
        for await (const { stream, data } of attachment.output) {
          if (stream === "stdout") said += decode(data);
        }
        assert.equal(said, "\n");
      } finally {
        await runtime.remove({ kind: "container", name: spec.name });
      }
    },
  });
}

Deno.test({
  name: "without the sandbox a plugin reads any JSON file: Deno's permissions do not do",
  ...requires("linux", "binary"),
  async fn() {
    await using hostile = await HostilePlugin.install();
    const { code, stdout } = await hostile.runWithoutSandbox("spy");
    assert.equal(code, 0);
    assert.match(stdout, /json got \S*SECRET-VALUE/);
  },
});

/** Says what it reached. */
const SPY = `
  said=
  grep -q SECRET-VALUE "$1" 2>/dev/null && said="file"
  [ "$MOAT_SECRET" = SECRET-VALUE ] && said="$said variable"
  (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && said="$said network"
  echo "$said"`;

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
