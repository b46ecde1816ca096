import assert from "node:assert/strict";
import { join } from "node:path";
import { addressOf, findEngine, usualSockets } from "./find_engine.ts";

async function withHome(check: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "moat-home-" });
  try {
    await check(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function writeContext(
  home: string,
  context: { readonly name: string; readonly host: string; readonly secured?: boolean },
): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(context.name));
  const digest = new Uint8Array(bytes).toHex();
  const meta = join(home, ".docker/contexts/meta", digest);
  await Deno.mkdir(meta, { recursive: true });
  await Deno.writeTextFile(
    join(meta, "meta.json"),
    JSON.stringify({ Name: context.name, Endpoints: { docker: { Host: context.host } } }),
  );
  const tls = join(home, ".docker/contexts/tls", digest, "docker");
  if (context.secured) await Deno.mkdir(tls, { recursive: true });
  return tls;
}

Deno.test("findEngine() takes DOCKER_HOST before everything else", () =>
  withHome(async (home) => {
    await writeContext(home, { name: "work", host: "unix:///work.sock" });
    const env = { HOME: home, DOCKER_HOST: "tcp://10.0.0.1:2375", DOCKER_CONTEXT: "work" };
    assert.deepEqual(await findEngine({ os: "linux", env }), {
      target: "tcp://10.0.0.1:2375",
      address: { url: "tcp://10.0.0.1:2375" },
    });
  }));

Deno.test("findEngine() takes the current context of the CLI's configuration", () =>
  withHome(async (home) => {
    await writeContext(home, { name: "work", host: "unix:///work.sock" });
    await Deno.writeTextFile(join(home, ".docker/config.json"), `{"currentContext":"work"}`);
    assert.deepEqual(await findEngine({ os: "linux", env: { HOME: home } }), {
      target: "unix:///work.sock",
      address: { url: "unix:///work.sock" },
    });
  }));

Deno.test("findEngine() keeps a context's certificates with it", () =>
  withHome(async (home) => {
    const tls = await writeContext(home, { name: "far", host: "tcp://far:2376", secured: true });
    const env = { HOME: home, DOCKER_CONTEXT: "far" };
    const found = await findEngine({ os: "linux", env });
    assert.ok("target" in found);
    assert.deepEqual(found.address, { url: "tcp://far:2376", certificates: tls });
    assert.deepEqual(await addressOf(found.target, { os: "linux", env }), found.address);
  }));

Deno.test("findEngine() refuses a context that is not there", () =>
  withHome(async (home) => {
    await assert.rejects(
      findEngine({ os: "linux", env: { HOME: home, DOCKER_CONTEXT: "gone" } }),
      /Cannot use docker context "gone": it is not there/,
    );
  }));

Deno.test("addressOf() adds certificates only when DOCKER_TLS_VERIFY asks for them", async () => {
  const env = { DOCKER_CERT_PATH: "/certs" };
  assert.deepEqual(await addressOf("tcp://h:1", { os: "linux", env }), { url: "tcp://h:1" });
  assert.deepEqual(
    await addressOf("tcp://h:1", { os: "linux", env: { ...env, DOCKER_TLS_VERIFY: "1" } }),
    { url: "tcp://h:1", certificates: "/certs" },
  );
});

Deno.test("usualSockets() starts with the engine's own and knows those in homes", () => {
  const sockets = usualSockets({ os: "darwin", env: { HOME: "/Users/a" } });
  assert.equal(sockets[0], "/var/run/docker.sock");
  assert.ok(sockets.includes("/Users/a/.colima/default/docker.sock"));
  assert.ok(!sockets.includes("/run/podman/podman.sock"));
});
