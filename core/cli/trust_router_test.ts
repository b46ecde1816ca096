import assert from "node:assert/strict";
import { captureContext } from "../../tests/helpers/captured_context.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import {
  linuxTrust,
  linuxUntrust,
  macTrust,
  macUntrust,
  tellOthers,
  tellOthersBack,
  trustedFile,
  type TrustStore,
} from "./system_trust.ts";
import { findAuthority, isTrustedBySystem, trustRouter, untrustRouter } from "./trust_router.ts";

const AUTHORITY = { file: "/home/ann/.moat/store/router-ca.crt", fingerprint: "0a".repeat(32) };
const IS_ROOT = Deno.uid() === 0;

Deno.test("what is run on Debian names the authority by its fingerprint, both ways", () => {
  const store = {
    directory: "/usr/local/share/ca-certificates",
    update: ["update-ca-certificates"],
  };
  const path = "/usr/local/share/ca-certificates/moat-router-0a0a0a0a0a0a0a0a.crt";
  assert.deepEqual(linuxTrust(store, AUTHORITY), [
    ["install", "-m", "0644", AUTHORITY.file, path],
    ["update-ca-certificates"],
  ]);
  assert.deepEqual(linuxUntrust(store, AUTHORITY), [
    ["rm", "-f", path],
    ["update-ca-certificates"],
  ]);
});

Deno.test("what is run on macOS trusts for TLS alone, and takes away by fingerprint", () => {
  const keychain = "/Library/Keychains/System.keychain";
  assert.deepEqual(macTrust(AUTHORITY).map((step) => step.join(" ")), [
    `security add-trusted-cert -d -r trustRoot -p ssl -k ${keychain} ${AUTHORITY.file}`,
  ]);
  assert.deepEqual(macUntrust(AUTHORITY).map((step) => step.join(" ")), [
    `security remove-trusted-cert -d ${AUTHORITY.file}`,
    `security delete-certificate -Z ${"0A".repeat(32)} ${keychain}`,
  ]);
});

Deno.test("programs are told and told back under one name, which is the authority's own", () => {
  const nickname = "moat-router-0a0a0a0a";
  const told = tellOthers(AUTHORITY, "linux").join("\n");
  assert.match(told, new RegExp(`certutil .* -n ${nickname} -i ${AUTHORITY.file}$`, "m"));
  assert.match(
    tellOthersBack(AUTHORITY, "linux").join("\n"),
    new RegExp(` -D -n ${nickname}$`, "m"),
  );
});

Deno.test("on macOS Chromium asks the system, so nobody is told about certutil", () => {
  const lines = [...tellOthers(AUTHORITY, "darwin"), ...tellOthersBack(AUTHORITY, "darwin")];
  assert.doesNotMatch(lines.join("\n"), /certutil/);
  assert.match(lines.join("\n"), /NODE_EXTRA_CA_CERTS/);
});

/** A system whose store is a directory of the test's. */
async function createSystem(update: readonly string[] = ["true"]) {
  const home = await createTestHome();
  const directory = `${home.directory}/anchors`;
  await Deno.mkdir(directory);
  await Deno.writeTextFile(`${directory}/of-another.crt`, "not ours");
  const store: TrustStore = { directory, update };
  const made = captureContext({ env: { MOAT_HOME: home.paths.home }, cwd: "/" });
  const context = { ...made.context, os: "linux" as const };
  return { home, store, made, context, options: { json: true, stores: [store] } };
}

Deno.test({
  name: "the system trusts what was added, and forgets exactly that",
  ignore: !IS_ROOT,
  fn: async () => {
    const { home, store, made, context, options } = await createSystem();
    await using _ = home;
    await trustRouter(context, options);
    const authority = await findAuthority(context);
    assert(authority !== undefined);
    const { trusted, certificate, fingerprint } = JSON.parse(made.stdout());
    assert.deepEqual({ trusted, certificate, fingerprint }, {
      trusted: true,
      certificate: authority.file,
      fingerprint: authority.fingerprint,
    });
    assert.equal(
      await Deno.readTextFile(trustedFile(store, authority)),
      await Deno.readTextFile(authority.file),
    );
    assert.equal(await isTrustedBySystem(authority, context, [store]), true);
    await untrustRouter(context, options);
    assert.equal(await isTrustedBySystem(authority, context, [store]), false);
    assert.deepEqual([...Deno.readDirSync(store.directory)].map(({ name }) => name), [
      "of-another.crt",
    ]);
  },
});

Deno.test("a home without an authority has nothing to take back, and gets none by it", async () => {
  const { home, made, context, options } = await createSystem(["false"]);
  await using _ = home;
  await untrustRouter(context, options);
  assert.deepEqual(JSON.parse(made.stdout()), {
    trusted: false,
    certificate: null,
    fingerprint: null,
  });
  assert.equal(await findAuthority(context), undefined);
});

Deno.test({
  name: "a program of the system that fails is an error with the commands to type",
  ignore: !IS_ROOT,
  fn: async () => {
    const { home, context, options } = await createSystem(["sh", "-c", "echo full >&2; exit 1"]);
    await using _ = home;
    await assert.rejects(
      trustRouter(context, options),
      /^MoatError: Cannot trust certificate authority of the router: full$/,
    );
  },
});
