import assert from "node:assert/strict";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openAuthority } from "./authority.ts";
import { InnerListener } from "./inner_listener.ts";

async function createListener(directory: string): Promise<InnerListener> {
  const leaf = await (await openAuthority(directory)).issue(["localhost"]);
  return new InnerListener(leaf, ["http/1.1"]);
}

Deno.test("a connection of anybody else is not served", async () => {
  await using home = await createTestHome();
  const { certificate } = await openAuthority(home.directory);
  const listener = await createListener(home.directory);
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  using stranger = await Deno.startTls(plain, { hostname: "localhost", caCerts: [certificate] });
  const end = await stranger.read(new Uint8Array(16)).catch((error: unknown) => {
    assert(error instanceof Error);
    return null;
  });
  assert.equal(end, null);
  listener.close();
});

Deno.test("connections that are opened at once are told apart", async () => {
  await using home = await createTestHome();
  const listener = await createListener(home.directory);
  const made = await Promise.all(Array.from({ length: 30 }, () => listener.connect()));
  for (const { outside, inside } of made) {
    assert.equal(inside.remoteAddr.port, outside.localAddr.port);
    outside.close();
    inside.close();
  }
  listener.close();
});

Deno.test("a listener that is closed leaves its connections alone", async () => {
  await using home = await createTestHome();
  const listener = await createListener(home.directory);
  const { outside, inside } = await listener.connect();
  listener.close();
  assert.equal(await outside.write(new Uint8Array([1])), 1);
  outside.close();
  inside.close();
});
