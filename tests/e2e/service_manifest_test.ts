import assert from "node:assert/strict";
import { join } from "node:path";
import { runCli } from "../../core/cli/run_cli.ts";
import { createDependency } from "../../core/plugin/manifest.ts";
import { readManifest } from "../../core/plugin/read_manifest.ts";
import { PLUGINS } from "../../plugins/mod.ts";
import { RUNTIMES } from "../../runtimes/mod.ts";
import { captureContext } from "../helpers/captured_context.ts";
import { requires, testEngines } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";

/** Serves the greeting, and what it got as its password. */
const MANIFEST = `
schema: 1
kind: dependency
id: greeter
summary: Greets whoever asks
category: service
versions: { default: "3.11", others: 2 }
service:
  image: python:{version}-slim
  script: |
    mkdir /srv/greeter
    printf %s "$GREETING" > /srv/greeter/greeting
    cp /run/greeter/secret /srv/greeter/secret
    exec "$@" --directory /srv/greeter
  command: [python3, -m, http.server, "8000"]
  port: 8000
  env: { GREETING: hello }
  files: [{ path: /run/greeter/secret, content: "<{password}>", mode: 0o600 }]
  ready: { kind: http, port: 8000, path: /greeting }
  variables:
    MOAT_GREETER_URL: http://{host}:8000
    MOAT_GREETER_PASSWORD: "{password}"
    MOAT_GREETER_GREETING: "{url.GREETING}"
`;

const MOAT_YAML = `
dependencies: [python@3.11, greeter]
services: { greeter: { env: { GREETING: good day } } }
`;

const PROGRAM = `
import os, urllib.request
def get(path): return urllib.request.urlopen(os.environ["MOAT_GREETER_URL"] + path).read().decode()
assert get("/secret") == "<" + os.environ["MOAT_GREETER_PASSWORD"] + ">"
assert len(os.environ["MOAT_GREETER_PASSWORD"]) == 32
print(get("/greeting"), os.environ["MOAT_GREETER_GREETING"])
`;

for (const [index, target] of testEngines().entries()) {
  Deno.test({
    name: `docker ${index + 1}: a service of a manifest in a directory runs as moat's own do`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create();
      await home.write("moat.yaml", MOAT_YAML);
      await home.write("ask.py", PROGRAM);
      const file = join(home.directory, "moat-plugin.yaml");
      await Deno.writeTextFile(file, MANIFEST);
      const manifest = await readManifest(file);
      assert(manifest?.kind === "dependency");
      const captured = captureContext({
        env: { ...home.env, DOCKER_HOST: target },
        cwd: home.project,
        plugins: [...RUNTIMES, ...PLUGINS, createDependency(manifest)],
      });
      const command = ["--runtime", "docker", "--isolation", "none", "--", "python3", "ask.py"];
      const code = await runCli(["run", ...command], captured.context);
      assert.equal(code, 0, captured.stderr());
      assert.equal(captured.stdout(), "good day good%20day\n");
    },
  });
}
