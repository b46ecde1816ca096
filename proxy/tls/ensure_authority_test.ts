import assert from "node:assert/strict";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openAuthority } from "./authority.ts";
import { ensureAuthority } from "./ensure_authority.ts";

Deno.test("ensureAuthority() makes one, and finds it from then on", async () => {
  await using home = await createTestHome();
  const { certificate, file } = await ensureAuthority(home.directory);
  assert.match(certificate, /^-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----\n$/);
  assert.deepEqual(await ensureAuthority(home.directory), { certificate, file });
  assert.equal((await openAuthority(home.directory)).certificate, certificate);
});

Deno.test("ensureAuthority() gives no certificate whose key is not the authority's", async () => {
  await using home = await createTestHome();
  await using other = await createTestHome();
  const { certificate, file } = await openAuthority(home.directory);
  await Deno.copyFile((await openAuthority(other.directory)).file, file);
  assert.equal((await ensureAuthority(home.directory)).certificate, certificate);
  assert.equal(await Deno.readTextFile(file), certificate);
});

Deno.test("ensureAuthority() says what is wrong with one that is none", async () => {
  await using home = await createTestHome();
  await Deno.writeTextFile(`${home.directory}/router-ca.key.pem`, "something else");
  await assert.rejects(ensureAuthority(home.directory), /Cannot use certificate authority/);
});
