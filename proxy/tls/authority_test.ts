import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openAuthority } from "./authority.ts";

/** The directory's files with their modes. */
async function modes(directory: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const { name } of Deno.readDir(directory)) {
    const { mode } = await Deno.stat(`${directory}/${name}`);
    found[name] = ((mode ?? 0) & 0o777).toString(8);
  }
  return found;
}

Deno.test("the authority is made once, whoever asks first, and its key is its owner's alone", async () => {
  await using home = await createTestHome();
  const directory = `${home.directory}/tls`;
  const opened = await Promise.all([1, 2, 3].map(() => openAuthority(directory)));
  assert.equal(new Set(opened.map(({ certificate }) => certificate)).size, 1);
  const { "router-ca.key.pem": key, "router-ca.crt": certificate } = await modes(directory);
  assert.deepEqual({ key, certificate }, { key: "600", certificate: "600" });
  const again = await openAuthority(directory);
  assert.equal(await Deno.readTextFile(again.file), opened[0]?.certificate);
  assert.doesNotMatch(await Deno.readTextFile(again.file), /PRIVATE/);
});

Deno.test("a certificate is signed for the names that were asked for", async () => {
  await using home = await createTestHome();
  const authority = await openAuthority(home.directory);
  const leaf = await authority.issue(["shop.localhost", "*.shop.localhost"]);
  const [root, made] = [
    new X509Certificate(authority.certificate),
    new X509Certificate(leaf.certificate),
  ];
  assert(made.verify(root.publicKey));
  assert.equal(made.subjectAltName, "DNS:shop.localhost, DNS:*.shop.localhost");
  assert.equal(root.ca, true);
  assert.equal(made.ca, false);
  assert(leaf.renewAt < Date.parse(made.validTo) && leaf.renewAt > Date.now());
});

Deno.test("one that is no authority any more is not used, nor overwritten", async () => {
  await using home = await createTestHome();
  const path = `${home.directory}/router-ca.key.pem`;
  await Deno.writeTextFile(path, "something else");
  await assert.rejects(
    openAuthority(home.directory),
    /Cannot use certificate authority .*router-ca/,
  );
  assert.equal(await Deno.readTextFile(path), "something else");
});
