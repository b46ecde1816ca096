import assert from "node:assert/strict";
import { createHomeId } from "../../core/ids.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import { createLocalSubject } from "../../tests/helpers/local_subject.ts";
import { requires } from "../../tests/helpers/machine.ts";

const SECRET = "hunter2-of-this-test";

Deno.test({
  ...requires("linux"),
  name: "a secret variable is in one file of mode 0600, on no command line, and gone at the end",
  async fn() {
    await using subject = await createLocalSubject({
      backend: "unshare",
      home: createHomeId(),
      spec: baseSpec,
    });
    const { runtime, stateDir } = subject;
    const spec = subject.spec({
      command: ["sleep", "100"],
      secretEnv: { SECRET },
      detached: true,
    });
    await runtime.create(spec);
    await runtime.start(spec);
    const directory = `${stateDir}/sandboxes/${spec.name}`;
    assert.deepEqual(await holders(directory), [`${directory}/secret_env.json`]);
    const { mode } = await Deno.stat(`${directory}/secret_env.json`);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(await commandLines(), []);
    await runtime.stop(spec.name);
    await runtime.wait(spec.name);
    assert.deepEqual(await holders(directory), []);
  },
});

/** Files below the directory that hold the secret. */
async function holders(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await holders(path));
    if (isFile && (await Deno.readTextFile(path)).includes(SECRET)) found.push(path);
  }
  return found;
}

/** Processes that show the secret to everybody. */
async function commandLines(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(SECRET)) found.push(line);
  }
  return found;
}
