import assert from "node:assert/strict";
import * as v from "valibot";
import {
  describePermissions,
  type ManifestPermissions,
  samePermissions,
  sortedPermissions,
} from "./permissions.ts";
import { PERMISSIONS_SCHEMA } from "./permissions_schema.ts";

const accepts = (permissions: unknown) => v.is(PERMISSIONS_SCHEMA, permissions);

for (
  const [key, good, bad] of [
    ["net", [
      "api.example.org",
      "api.example.org:8443",
      "xn--bcher-kva.example",
      "192.0.2.7",
      "192.0.2.7:80",
    ], [
      "localhost",
      "localhost:80",
      "127.0.0.1:80",
      "example",
      "*.example.org",
      "API.example.org",
      "api.example.org:0",
      "api.example.org:123456",
      "https://api.example.org",
      "api.example.org/x",
      "api.example.org.",
      "0x7f000001",
      "127.1",
      "a.0x7f",
      "192.0.2.07",
      "[::1]:80",
      "user@api.example.org",
      "",
    ]],
    ["read", ["/etc/os-release", "/opt/x-1", "/opt/.x", "/var/runs"], [
      "etc",
      "/",
      "/etc/../root",
      "/proc/self",
      "/./proc/self",
      "/etc/.",
      "/run/docker.sock",
      "/var/run",
      "/sys",
      "/dev/mem",
      "/plugin",
      "/moat/program",
      "/cache",
      "/programs/x",
      "/.moat/net",
      "/a b",
    ]],
    ["write", ["cache"], ["/etc", "project", ".", "/cache", ""]],
    ["run", ["git", "g++", "python3.11"], ["/usr/bin/git", "../git", "-x", "git push", ""]],
    ["env", ["LANG", "_X"], ["1X", "A B", "A=B", ""]],
  ] as const
) {
  Deno.test(`permission ${key} takes what can be enforced, and nothing else`, () => {
    assert.deepEqual(good.filter((one) => !accepts({ [key]: [one] })), []);
    assert.deepEqual(bad.filter((one) => accepts({ [key]: [one] })), []);
    assert.equal(accepts({ [key]: good[0] }), false);
  });
}

Deno.test("a permission that nobody enforces is no key", () => {
  for (const key of ["ffi", "sys", "import", "all", "nets"]) {
    assert.equal(accepts({ [key]: ["x"] }), false, key);
  }
});

Deno.test("every permission is shown, and what is had without any is said", () => {
  const all: Required<ManifestPermissions> = {
    read: ["/etc/os-release"],
    write: ["cache"],
    net: ["api.example.org"],
    run: ["git"],
    env: ["LANG"],
  };
  assert.match(describePermissions().join("; "), /without a network$/);
  const shown = describePermissions(all).join("; ");
  for (const names of Object.values(all)) {
    if (names[0] !== "cache") assert.ok(shown.includes(names[0] ?? "?"), shown);
  }
  assert.match(shown, /keeps files in a directory of its own/);
  assert.match(shown, /connects to api\.example\.org:443/);
  assert.doesNotMatch(shown, /without a network/);
});

Deno.test("permissions are the same in any order, and with a port that goes without saying", () => {
  const one = { read: ["/a", "/b"], net: ["example.org:443"], env: [] };
  const other = { net: ["example.org"], read: ["/b", "/a"] };
  assert.ok(samePermissions(one, other));
  assert.ok(samePermissions(undefined, { run: [] }));
  assert.ok(!samePermissions(one, { ...other, read: ["/a"] }));
  assert.ok(!samePermissions(one, { ...other, write: ["cache"] }));
  assert.equal(sortedPermissions({ env: [] }), undefined);
});
