import assert from "node:assert/strict";
import { join } from "node:path";
import { splitReference } from "./pull_image.ts";
import { registryAuthHeader, registryOf } from "./registry_auth.ts";

const REGISTRIES: readonly (readonly [string, string])[] = [
  ["debian:bookworm-slim", "https://index.docker.io/v1/"],
  ["valkey/valkey:8", "https://index.docker.io/v1/"],
  ["docker.io/library/debian", "https://index.docker.io/v1/"],
  ["ghcr.io/a/b:1", "ghcr.io"],
  ["localhost/a", "localhost"],
  ["localhost:5000/a", "localhost:5000"],
];

for (const [ref, registry] of REGISTRIES) {
  Deno.test(`registryOf() finds the registry of ${ref}`, () => {
    assert.equal(registryOf(ref), registry);
  });
}

const REFERENCES: readonly (readonly [string, string, string])[] = [
  ["debian", "debian", "latest"],
  ["debian:12", "debian", "12"],
  ["localhost:5000/a", "localhost:5000/a", "latest"],
  ["localhost:5000/a:b", "localhost:5000/a", "b"],
  ["a@sha256:00", "a", "sha256:00"],
];

for (const [ref, repository, tag] of REFERENCES) {
  Deno.test(`splitReference() splits ${ref}`, () => {
    assert.deepEqual(splitReference(ref), { repository, tag });
  });
}

async function headerFor(config: unknown, ref: string): Promise<unknown> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "config.json"), JSON.stringify(config));
    const helper = join(directory, "docker-credential-test");
    await Deno.writeTextFile(
      helper,
      `#!/bin/sh\nread -r registry\nprintf '{"Username":"u","Secret":"of %s"}' "$registry"\n`,
      { mode: 0o755 },
    );
    const path = `${directory}:${Deno.env.get("PATH")}`;
    const header = await registryAuthHeader(ref, { DOCKER_CONFIG: directory, PATH: path });
    if (header === undefined) return undefined;
    return JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(header, { alphabet: "base64url" })),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("registryAuthHeader() reads auths", async () => {
  const config = { auths: { "ghcr.io": { auth: btoa("me:s:3") } } };
  assert.deepEqual(await headerFor(config, "ghcr.io/a/b"), {
    username: "me",
    password: "s:3",
    serveraddress: "ghcr.io",
  });
  assert.equal(await headerFor(config, "debian"), undefined);
});

Deno.test("registryAuthHeader() asks the helper of the registry", async () => {
  const config = { credHelpers: { "ghcr.io": "test" } };
  assert.deepEqual(await headerFor(config, "ghcr.io/a/b"), {
    username: "u",
    password: "of ghcr.io",
    serveraddress: "ghcr.io",
  });
});

Deno.test("registryAuthHeader() goes on without a helper that is not installed", async () => {
  const auths = { "ghcr.io": { auth: btoa("me:secret") } };
  const header = await headerFor({ credsStore: "nothing-of-the-kind", auths }, "ghcr.io/a/b");
  assert.deepEqual(header, { username: "me", password: "secret", serveraddress: "ghcr.io" });
});
