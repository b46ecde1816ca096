import assert from "node:assert/strict";
import type { HostProbe } from "./contribution.ts";
import { findTool, type HostTool, versionIn } from "./host_tool.ts";

/** A machine that has these programs at these places and answers with these lines. */
function machine(
  programs: Record<string, string>,
  lines: Record<string, string>,
  directories: Record<string, string> = {},
): HostProbe {
  return {
    os: "linux",
    which: (program) => Promise.resolve(programs[program]),
    directoryOf: (program) =>
      Promise.resolve(directories[program] ?? programs[program]?.replace(/\/[^/]*$/, "")),
    firstLine: (program, args) => Promise.resolve(lines[[program, ...args].join(" ")]),
  };
}

const NODE: HostTool = { commands: ["node", "npm"], home: ["node", "home"], hint: "get node" };
const HAS_NODE = { node: "/usr/bin/node", npm: "/usr/bin/npm" };
const asked = (requested?: string) => ({
  text: "node",
  id: "node",
  ...(requested === undefined ? {} : { requested }),
});

Deno.test("findTool() finds a tool of the line asked for", async () => {
  const probe = machine(HAS_NODE, { "node --version": "v22.3.1", "node home": "/usr" });
  const found = { kind: "found", version: "22.3.1", paths: [], bin: [] };
  for (const requested of [undefined, "22", "22.3", "22.3.1", "^22"]) {
    assert.deepEqual(await findTool(NODE, { entry: asked(requested), probe }), found);
  }
});

Deno.test("findTool() refuses another version, naming both", async () => {
  const probe = machine(HAS_NODE, { "node --version": "v22.3.1" });
  for (const requested of ["20", "2", "22.30", "22.3.10"]) {
    assert.deepEqual(await findTool(NODE, { entry: asked(requested), probe }), {
      kind: "missing",
      reason: `this machine has node 22.3.1, not ${requested}`,
      hint: "get node",
    });
  }
});

Deno.test("findTool() names what is not there, and how to get it", async () => {
  const probe = machine({ node: "/usr/bin/node" }, {});
  assert.deepEqual(await findTool(NODE, { entry: asked(), probe }), {
    kind: "missing",
    reason: "there is no npm on this machine",
    hint: "get node",
  });
});

Deno.test("findTool() shows the real directory of a version manager, not its shims", async () => {
  const shims = { node: "/root/.nodenv/shims/node", npm: "/root/.nodenv/shims/npm" };
  const probe = machine(shims, {
    "node --version": "v22.3.1",
    "node home": "/root/.nodenv/versions/22.3.1",
  });
  const { kind, ...places } = await findTool(NODE, { entry: asked(), probe });
  assert.equal(kind, "found");
  assert.deepEqual(places, {
    version: "22.3.1",
    paths: ["/root/.nodenv/versions/22.3.1"],
    bin: ["/root/.nodenv/versions/22.3.1/bin"],
  });
});

Deno.test("findTool() never shows a whole home for a program in its bin", async () => {
  const cases = {
    "/root/bin/rg": "/root/bin",
    "/home/ada/bin/rg": "/home/ada/bin",
    "/home/ada/.local/bin/rg": "/home/ada/.local/bin",
    "/home/ada/.cargo/bin/rg": "/home/ada/.cargo",
    "/opt/rg/bin/rg": "/opt/rg",
    "/opt/tools/rg": "/opt/tools",
  };
  for (const [program, shown] of Object.entries(cases)) {
    const probe = machine({ rg: program }, {});
    const found = await findTool({ commands: ["rg"] }, { entry: asked(), probe });
    assert(found.kind === "found");
    assert.deepEqual(found.paths, [shown]);
    assert.deepEqual(found.bin, [program.replace(/\/rg$/, "")]);
  }
});

Deno.test("findTool() puts a shown directory on PATH where it is not there yet", async () => {
  const go = { commands: ["go"], home: ["go", "env", "GOROOT"] } as const;
  const probe = machine({ go: "/usr/local/go/bin/go" }, {
    "go --version": "go1.25.1",
    "go env GOROOT": "/usr/local/go",
  });
  const found = await findTool(go, { entry: asked(), probe });
  assert(found.kind === "found");
  assert.deepEqual(found.paths, []);
  assert.deepEqual(found.bin, ["/usr/local/go/bin"]);
});

Deno.test("findTool() shows where a link stands and what it leads to", async () => {
  const nvm = "/root/.nvm/versions/node/v22";
  const tsc = { tsc: `${nvm}/lib/node_modules/typescript/bin/tsc` };
  const inside = await findTool({ commands: ["tsc"] }, {
    entry: asked(),
    probe: machine(tsc, {}, { tsc: `${nvm}/bin` }),
  });
  assert(inside.kind === "found");
  assert.deepEqual([inside.paths, inside.bin], [[nvm], [`${nvm}/bin`]]);
  const elsewhere = await findTool({ commands: ["tsc"] }, {
    entry: asked(),
    probe: machine({ tsc: "/opt/ts/bin/tsc" }, {}, { tsc: "/root/bin" }),
  });
  assert(elsewhere.kind === "found");
  assert.deepEqual([elsewhere.paths, elsewhere.bin], [["/root/bin", "/opt/ts"], ["/root/bin"]]);
});

Deno.test("versionIn() reads the usual ways to say a version", () => {
  const lines = {
    "v22.3.1": "22.3.1",
    "Python 3.11.2": "3.11.2",
    "go version go1.25.3 linux/amd64": "1.25.3",
    "git version 2.39.5": "2.39.5",
    "jq-1.6": "1.6",
    "psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": "15.18",
    "ripgrep 13.0.0": "13.0.0",
    "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)": "5.2.15",
    "fzf 0.38 (debian)": "0.38",
    "version 7": "7",
  };
  for (const [line, version] of Object.entries(lines)) assert.equal(versionIn(line), version);
  assert.equal(versionIn("no number here"), undefined);
});
