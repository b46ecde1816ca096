import assert from "node:assert/strict";
import { requestWith } from "../../tests/helpers/requests.ts";
import { NOTHING_WRITTEN } from "./load_project_config.ts";
import type { TrustedSetting } from "../run/plan.ts";
import type { RunRequest } from "../run/request.ts";
import type { ProjectConfig } from "./project_config.ts";
import { trustDigest } from "./trust_digest.ts";
import { trustedSettings, type TrustFacts } from "./trusted_settings.ts";

const FACTS: TrustFacts = { chosenRank: 3, automaticRank: 3, isolation: "gvisor" };

function settings(
  changes: Partial<RunRequest>,
  facts: Partial<TrustFacts> = {},
): readonly TrustedSetting[] {
  return trustedSettings(requestWith(changes), { ...FACTS, ...facts });
}

function texts(changes: Partial<RunRequest>, facts: Partial<TrustFacts> = {}): string[] {
  return settings(changes, facts).map(({ key, value }) => `${key}: ${value}`);
}

function config(changes: Partial<ProjectConfig>): Partial<RunRequest> {
  return { config: { ...NOTHING_WRITTEN, ...changes } };
}

const MOUNT = {
  source: "/home/ann/.ssh",
  target: "/ssh",
  readOnly: true,
  exclude: [],
  outside: true,
  origin: "project",
} as const;

const PROJECT = requestWith().project;

const ASKED: readonly (readonly [string, Partial<RunRequest>, readonly string[]])[] = [
  ["a mount outside", { mounts: [MOUNT] }, ["mounts: /home/ann/.ssh:/ssh:ro"]],
  ["docker:host", { dependencies: [{ text: "docker:host", origin: "project" }] }, [
    "dependencies: docker:host",
  ]],
  ["docker:dind", { dependencies: [{ text: "docker:dind", origin: "project" }] }, [
    "dependencies: docker:dind",
  ]],
  ["sandbox: none", { isolation: { want: "none", origin: "project" } }, ["sandbox: none"]],
  ["the host's network", { network: { mode: "host", origin: "project" } }, ["network.mode: host"]],
  [
    "network.host and rules",
    config({ network: { ...NOTHING_WRITTEN.network, host: [5432], rules: [{ b: 1, a: 2 }] } }),
    ["network.host: [5432]", 'network.rules: [{"a":2,"b":1}]'],
  ],
  ["grants", config({ grants: ["github", { x: 1 }] }), ["grants: github", 'grants: {"x":1}']],
  ["one grant", config({ grants: "github" }), ["grants: github"]],
  ["plugins", config({ plugins: ["acme"] }), ["plugins: acme"]],
  [
    "an image of a service",
    config({ services: { redis: { image: "evil/redis", env: {}, wait: true } } }),
    ["services.redis.image: evil/redis"],
  ],
  ["a foreign base", config({ baseImage: "evil.example/debian" }), [
    "base_image: evil.example/debian",
  ]],
  ["a base that looks official", config({ baseImage: "debianx:1" }), ["base_image: debianx:1"]],
  [
    "hooks of the build under gVisor",
    config({ hooks: { postBuild: "a", postBuildRoot: "b", preRun: "c" } }),
    ["hooks.post_build_root: b", "hooks.post_build: a"],
  ],
  [
    "a worktree's repository",
    { project: { ...PROJECT, gitCommonDir: "/home/ann/repo/.git" } },
    [".git: /home/ann/repo/.git"],
  ],
];

for (const [name, changes, expected] of ASKED) {
  Deno.test(`trustedSettings() asks for ${name}`, () => {
    assert.deepEqual(texts(changes), expected);
    assert(settings(changes).every(({ effect }) => effect !== ""));
  });
}

const NOT_ASKED: readonly (readonly [string, Partial<RunRequest>, Partial<TrustFacts>])[] = [
  ["an ordinary project", { dependencies: [{ text: "node@22", origin: "project" }] }, {}],
  ["a mount inside", { mounts: [{ ...MOUNT, outside: false }] }, {}],
  ["a typed mount", { mounts: [{ ...MOUNT, origin: "typed" }] }, {}],
  ["a mount of the home's configuration", { mounts: [{ ...MOUNT, origin: "home" }] }, {}],
  ["typed Docker access", { dependencies: [{ text: "docker:host", origin: "typed" }] }, {}],
  ["typed isolation", { isolation: { want: "none", origin: "typed" } }, {}],
  ["the typed network", { network: { mode: "host", origin: "typed" } }, {}],
  ["a base of the catalogue", config({ baseImage: "docker.io/library/node:22-slim" }), {}],
  ["an equal runtime", { runtime: { id: "docker", origin: "project" } }, {}],
  ["a weaker runtime that was typed", { runtime: { id: "local", origin: "typed" } }, {
    chosenRank: 2,
  }],
  ["hooks of a build as weak as the run", config({ hooks: { postBuild: "a" } }), {
    isolation: "container",
  }],
];

for (const [name, changes, facts] of NOT_ASKED) {
  Deno.test(`trustedSettings() does not ask for ${name}`, () => {
    assert.deepEqual(texts(changes, facts), []);
  });
}

Deno.test("trustedSettings() asks for a runtime that isolates less than the automatic one", () => {
  const runtime = { id: "local", origin: "project" } as const;
  assert.deepEqual(texts({ runtime }, { chosenRank: 2 }), ["runtime: local"]);
});

Deno.test("trustDigest() is empty for nothing", () => {
  assert.equal(trustDigest([]), "");
});

Deno.test("trustDigest() depends on keys and values, not on order or wording", () => {
  const a = { key: "mounts", value: "/a:/a:ro", effect: "reads /a" };
  const b = { key: "grants", value: "github", effect: "uses it" };
  const digest = trustDigest([a, b]);
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(trustDigest([b, { ...a, effect: "other words" }]), digest);
  assert.notEqual(trustDigest([a]), digest);
  assert.notEqual(trustDigest([{ ...a, value: "/a:/a:rw" }, b]), digest);
  assert.notEqual(trustDigest([{ ...a, key: "volumes" }, b]), digest);
  assert.notEqual(
    trustDigest([{ ...a, value: 'x"],["y' }]),
    trustDigest([{ ...a, value: "x" }, { ...a, value: "y" }]),
  );
});
