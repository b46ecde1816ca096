import assert from "node:assert/strict";
import { contributionsOf } from "../../core/image/contributions_of.ts";
import { resolveDependencies } from "../../core/image/resolve_dependencies.ts";
import type { Plugin } from "../../core/plugin/contract.ts";
import type { HostProbe } from "../../core/plugin/contribution.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { DEPENDENCIES } from "./mod.ts";

const REGISTRY = new Registry<Plugin>(DEPENDENCIES);

function commandOf(text: string): readonly string[] {
  const entries = resolveDependencies([text], REGISTRY).filter((entry) => entry.text === text);
  const [one] = contributionsOf(entries, REGISTRY, { arch: "amd64", suite: "bookworm" });
  const [layer] = one?.contribution.layers ?? [];
  assert(layer?.kind === "exec" && layer.group === "dynamic" && layer.as === "root");
  return layer.command;
}

/** An entry, and the last words of its command. */
const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ["npm:cowsay", "--", "cowsay@latest"],
  ["npm:cowsay@1", "--", "cowsay@1"],
  ["npm:@angular/cli@^19.1", "--", "@angular/cli@^19.1"],
  ["pip:requests", "--", "requests"],
  ["pip:requests[socks]@2", "--", "requests[socks]==2.*"],
  ["pip:requests@2.32", "--", "requests==2.32.*"],
  ["pip:requests@2.32.3", "--", "requests==2.32.3"],
  ["pip:black@26.1rc1", "--", "black==26.1rc1"],
  ["uv:httpie@3", "--", "httpie==3.*"],
  ["go:example.org/a/b", "example.org/a/b@latest"],
  ["go:example.org/a/b@v1", "example.org/a/b@v1"],
  ["cargo:sd", "sd"],
  ["cargo:sd@1.0.0", "--version", "1.0.0", "sd"],
  ["cargo:sd@1", "--version", "~1", "sd"],
];

for (const [text, ...words] of COMMANDS) {
  Deno.test(`"${text}" is installed by words that end with ${words.join(" ")}`, () => {
    assert.deepEqual(commandOf(text).slice(-words.length), words);
  });
}

function machine(lines: Record<string, string>, programs: Record<string, string> = {}): HostProbe {
  return {
    os: "linux",
    which: (program) => Promise.resolve(programs[program]),
    directoryOf: (program) => Promise.resolve(programs[program]?.replace(/\/[^/]*$/, "")),
    firstLine: (program, args) => Promise.resolve(lines[[program, ...args].join(" ")]),
  };
}

async function find(text: string, probe: HostProbe) {
  const entry = resolveDependencies([text], REGISTRY).find((entry) => entry.text === text);
  assert(entry);
  return await REGISTRY.get("dependency", entry.id).find?.(entry, probe);
}

Deno.test("npm: is found among npm's global packages, and its tree is shown", async () => {
  const probe = machine({
    "npm ls --global --depth=0 --parseable cowsay@1": "/root/.nvm/v22/lib/node_modules/cowsay",
    "npm ls --global --depth=0 --parseable @a/b": "/usr/lib/node_modules/@a/b",
  });
  assert.deepEqual(await find("npm:cowsay@1", probe), {
    kind: "found",
    paths: ["/root/.nvm/v22"],
    bin: ["/root/.nvm/v22/bin"],
  });
  assert.deepEqual(await find("npm:@a/b", probe), { kind: "found", paths: [], bin: [] });
  assert.equal((await find("npm:cowsay@2", probe))?.kind, "missing");
});

Deno.test("pip: is found where python3 sees it, at the version asked for", async () => {
  const question = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
  const probe = machine({ [`python3 -s -c ${question} requests`]: "2.32.3" });
  assert.equal((await find("pip:requests[socks]@2", probe))?.kind, "found");
  assert.equal((await find("pip:requests", probe))?.kind, "found");
  assert.equal((await find("pip:requests@3", probe))?.kind, "missing");
  assert.equal((await find("pip:six", probe))?.kind, "missing");
});

Deno.test("go:, uv: and cargo: are found by the program that is named like the package", async () => {
  const probe = machine({}, { goimports: "/usr/local/bin/goimports", sd: "/usr/bin/sd" });
  assert.equal((await find("go:golang.org/x/tools/cmd/goimports@v0.30", probe))?.kind, "found");
  assert.equal((await find("cargo:sd@1", probe))?.kind, "found");
  assert.deepEqual(await find("uv:httpie", probe), {
    kind: "missing",
    reason: "there is no httpie on this machine",
    hint: "uv tool install httpie",
  });
});
