import assert from "node:assert/strict";
import { InterruptedError } from "../../core/errors.ts";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import { requires, testEngines } from "../../tests/helpers/machine.ts";
import { docker } from "./plugin.ts";

function environment(env: Readonly<Record<string, string>>): RuntimeEnvironment {
  return { os: "linux", arch: "amd64", env, stateDir: "", home: "0123456789abcdef" };
}

Deno.test("docker.probe() says that a named engine does not answer", async () => {
  const path = await Deno.makeTempDir();
  const probe = await docker.probe(environment({ DOCKER_HOST: `unix://${path}/no.sock` }));
  await Deno.remove(path);
  assert.equal(probe.kind, "unavailable");
  assert.match(probe.reason, /^the engine does not answer: /);
  assert.match(probe.reason, /no\.sock/);
  assert.match(probe.hint, /DOCKER_HOST/);
});

Deno.test("docker.probe() says nothing about the engine when it is interrupted", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/silent.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const interrupt = new AbortController();
  const probing = docker.probe(environment({ DOCKER_HOST: `unix://${path}` }), interrupt);
  using _connection = await listener.accept();
  interrupt.abort(new InterruptedError());
  await assert.rejects(probing, InterruptedError);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("docker.probe() says that an address is not understood", async () => {
  const probe = await docker.probe(environment({ DOCKER_HOST: "npipe:////./pipe/docker" }));
  assert.equal(probe.kind, "unavailable");
  assert.match(probe.reason, /its address is not understood/);
  assert.match(probe.hint, /unix:\/\/\/path/);
});

for (const target of testEngines()) {
  Deno.test({
    name: `docker.probe() describes the engine, open() finds it again (${target})`,
    ...requires("docker"),
    async fn() {
      const probe = await docker.probe(environment({ DOCKER_HOST: target }));
      assert.ok(probe.kind === "available", JSON.stringify(probe));
      assert.match(probe.facts.description, /^Docker Engine \S+ \(API 1\.\d+\)$/);
      assert.ok(probe.facts.isolations.includes("container"));
      await using runtime = await docker.open(environment({}), probe.facts.target);
      assert.equal(runtime.target, target);
      assert.deepEqual(await runtime.list("0123456789abcdef"), []);
    },
  });
}
