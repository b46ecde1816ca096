import assert from "node:assert/strict";
import { seatbeltProfile } from "./seatbelt.ts";

const LAYOUT = {
  paths: [
    { path: "/Users/a/project", readOnly: false },
    { path: "/Users/a/project/.git", readOnly: false },
    { path: "/Users/a/project/.git/hooks", readOnly: true },
    { path: "/Users/a/data", readOnly: true },
  ],
  toolPaths: ["/Users/a/.nvm/v22"],
  network: "private",
} as const;

/** The profile's rules with parameters put in, in order. */
function rules(layout: Parameters<typeof seatbeltProfile>[0]): readonly string[] {
  const { text, parameters } = seatbeltProfile(layout);
  return text.replace(/\(param "(\w+)"\)/g, (_, name) => JSON.stringify(parameters[name]))
    .trim().split("\n");
}

/** Whether an operation on a path is allowed, by the last rule that matches, as Seatbelt does. */
function allows(operation: string, path: string): boolean {
  let allowed = false;
  for (const rule of rules(LAYOUT)) {
    const [verb = "", ...operations] = rule.slice(1).split(/[ (]/);
    const named = operations.some((each) =>
      each === operation || (each.endsWith("*") && operation.startsWith(each.slice(0, -1)))
    );
    if (!named) continue;
    const filters = [...rule.matchAll(/\((literal|subpath) "([^"]*)"\)/g)];
    const matches = filters.some(([, kind, value = ""]) =>
      path === value || (kind === "subpath" && path.startsWith(`${value}/`))
    );
    if (matches) allowed = verb === "allow";
  }
  return allowed;
}

Deno.test("seatbeltProfile() starts by denying everything", () => {
  assert.deepEqual(rules(LAYOUT).slice(0, 2), ["(version 1)", "(deny default)"]);
});

const CASES = [
  ["file-read-data", "/Users/a/project/src/main.ts", true],
  ["file-write-data", "/Users/a/project/src/main.ts", true],
  ["file-write-data", "/Users/a/project/.git/config", true],
  ["file-write-data", "/Users/a/project/.git/hooks/pre-commit", false],
  ["file-read-data", "/Users/a/project/.git/hooks/pre-commit", true],
  ["file-write-unlink", "/Users/a/project/.git", false],
  ["file-write-unlink", "/Users/a/project/.git/hooks", false],
  ["file-write-unlink", "/Users/a/project/file", true],
  ["file-read-data", "/Users/a/data/x", true],
  ["file-write-data", "/Users/a/data/x", false],
  ["file-read-data", "/Users/a/.ssh/id_ed25519", false],
  ["file-read-data", "/Users/a", false],
  ["file-read-metadata", "/Users/a", true],
  ["file-read-data", "/Users/a/.nvm/v22/bin/node", true],
  ["file-write-data", "/Users/a/.nvm/v22/bin/node", false],
  ["file-read-data", "/Users/a/project-other/x", false],
  ["file-read-data", "/usr/bin/perl", true],
  ["file-write-data", "/usr/bin/perl", false],
  ["file-read-data", "/private/etc/hosts", true],
  ["file-read-data", "/private/etc/master.passwd", false],
  ["file-read-data", "/private/etc/sudoers.d/x", false],
  ["file-read-data", "/private/var/root/x", false],
  ["file-read-data", "/dev/tty", false],
  ["file-read-data", "/dev/ttys001", false],
  ["file-write-data", "/dev/null", true],
  ["file-read-data", "/Library/Keychains/System.keychain", false],
] as const;

for (const [operation, path, expected] of CASES) {
  Deno.test(`seatbeltProfile() ${expected ? "allows" : "denies"} ${operation} of ${path}`, () => {
    assert.equal(allows(operation, path), expected);
  });
}

Deno.test("seatbeltProfile() keeps hostile paths out of the text", () => {
  const hostile = [
    '/tmp/a") (allow default) ("',
    "/tmp/new\nline",
    "/tmp/back\\slash",
    "/tmp/;comment",
    '/tmp/#"regex"',
    "/tmp/ü$(x)`y`",
  ];
  const { text, parameters } = seatbeltProfile({
    paths: hostile.map((path) => ({ path, readOnly: false })),
    toolPaths: hostile.map((path) => `${path}/bin`),
    network: "private",
  });
  for (const path of hostile) {
    assert.ok(Object.values(parameters).includes(path));
    assert.ok(!text.includes(path));
  }
  assert.doesNotMatch(text, /allow default/);
  assert.match(text, /^[\x20-\x7e\n]*$/);
  assert.equal(text.split("(").length, text.split(")").length);
  for (const name of Object.keys(parameters)) assert.match(name, /^PATH_\d+$/);
});

Deno.test("seatbeltProfile() names one path once", () => {
  const { parameters } = seatbeltProfile(LAYOUT);
  const values = Object.values(parameters);
  assert.equal(new Set(values).size, values.length);
});

Deno.test("seatbeltProfile() refuses a relative path", () => {
  const paths = [{ path: "project", readOnly: false }];
  assert.throws(() => seatbeltProfile({ ...LAYOUT, paths }), TypeError);
});

Deno.test("seatbeltProfile() keeps the host's loopback out, unless the network is shared", () => {
  const own = rules(LAYOUT);
  const allow = own.indexOf('(allow network-outbound (remote ip "*:*"))');
  const deny = own.indexOf('(deny network-outbound (remote ip "localhost:*"))');
  assert.ok(allow >= 0 && deny > allow);
  assert.ok(rules({ ...LAYOUT, network: "host" }).includes("(allow network*)"));
  assert.doesNotMatch(
    rules({ ...LAYOUT, network: "none" }).toString(),
    /allow (?:network|system-socket)/,
  );
});
