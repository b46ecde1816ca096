import assert from "node:assert/strict";
import type { Contribution, ContributionOf } from "../plugin/contribution.ts";
import { imagePlan, type ImagePlanOptions, suiteOf } from "./image_plan.ts";

function of(id: string, contribution: Contribution): ContributionOf {
  return { entry: { text: id, id }, contribution };
}

const RUBY = of("ruby", {
  baseImage: "ruby:3-slim",
  apt: ["ruby"],
  env: { GEM_HOME: "/gems" },
  layers: [
    { kind: "exec", group: "language", as: "root", command: ["install-ruby"] },
    { kind: "exec", group: "custom", as: "user", command: ["bundle-config"] },
  ],
});
const LUA = of("lua", { baseImage: "lua:5", apt: ["lua5.4"] });
const JQ = of("jq", { apt: ["jq"] });

function plan(contributions: readonly ContributionOf[], options: Partial<ImagePlanOptions> = {}) {
  return imagePlan({ arch: "amd64", init: "exec", ...options, contributions });
}

function dockerfile(contributions: readonly ContributionOf[], options?: Partial<ImagePlanOptions>) {
  const result = plan(contributions, options);
  assert(result.kind === "build");
  return result.dockerfile;
}

Deno.test("imagePlan() takes a sole language's image as it is, when nothing else is to be added", () => {
  assert.deepEqual(plan([LUA]), { kind: "base", ref: "lua:5" });
  assert.deepEqual(plan([]), { kind: "base", ref: "debian:bookworm-slim" });
  assert.deepEqual(plan([of("note", { warnings: ["x"] })]), {
    kind: "base",
    ref: "debian:bookworm-slim",
  });
});

Deno.test("imagePlan() builds on a sole language's image without installing it again", () => {
  const text = dockerfile([RUBY, JQ]);
  assert.match(text, /^FROM ruby:3-slim$/m);
  assert.match(text, /"sh", "jq"\]$/m);
  assert.doesNotMatch(text, /install-ruby|"ruby"/);
  assert.match(text, /^ENV GEM_HOME="\/gems"$/m);
  assert.match(text, /^USER moatuser\nRUN \["bundle-config"\]\nUSER root$/m);
});

Deno.test("imagePlan() installs several languages on the default base", () => {
  const text = dockerfile([RUBY, LUA]);
  assert.match(text, /^FROM debian:bookworm-slim$/m);
  assert.match(text, /"sh", "lua5.4", "ruby"\]$/m);
  assert.match(text, /install-ruby/);
});

Deno.test("imagePlan() installs even a sole language on a base_image", () => {
  const text = dockerfile([RUBY], { baseImage: "debian:trixie-slim" });
  assert.match(text, /^FROM debian:trixie-slim$/m);
  assert.match(text, /install-ruby/);
});

Deno.test("imagePlan() does not depend on the order of contributions", () => {
  assert.deepEqual(plan([RUBY, LUA, JQ]), plan([JQ, RUBY, LUA]));
});

Deno.test("imagePlan() refuses two values of one variable, naming both entries", () => {
  const other = of("jruby", { env: { GEM_HOME: "/other" } });
  assert.throws(() => plan([RUBY, other]), {
    message: 'Cannot combine "jruby" with "ruby": both set GEM_HOME',
    hint: 'Remove one of "jruby" and "ruby"',
  });
});

Deno.test("imagePlan() builds for hooks, authorities and base_image alone", () => {
  assert.equal(plan([], { hooks: { postBuild: "true" } }).kind, "build");
  assert.equal(plan([], { hooks: {} }).kind, "base");
  assert.equal(plan([], { authorities: "x" }).kind, "build");
  assert.equal(plan([], { baseImage: "debian:trixie-slim" }).kind, "build");
});

Deno.test("imagePlan() has layers from rarely to often changing", () => {
  const groups = ["dynamic", "npm", "custom", "go", "binary", "language"] as const;
  const text = dockerfile(
    groups.map((group, index) =>
      of(`a${index}`, { layers: [{ kind: "exec", group, as: "root", command: [`in-${group}`] }] })
    ),
  );
  assert.deepEqual([...text.matchAll(/in-(\w+)/g)].map(([, group]) => group), [
    "language",
    "binary",
    "npm",
    "go",
    "custom",
    "dynamic",
  ]);
});

Deno.test("suiteOf() reads Debian's release from the name of an image", () => {
  assert.equal(suiteOf(undefined), "bookworm");
  assert.equal(suiteOf("debian:trixie-slim"), "trixie");
  assert.equal(suiteOf("python:3.13-slim-trixie"), "trixie");
  assert.equal(suiteOf("example.org/base:1"), "bookworm");
});
