/**
 * Dockerfiles of whole combinations, on both architectures, compared with tests/fixtures/dockerfiles.
 * To accept what changed, and then read the difference:
 * deno test -A plugins/dependencies/dockerfiles_test.ts -- --update
 */
import assert from "node:assert/strict";
import { contributionsOf, neededBase } from "../../core/image/contributions_of.ts";
import { imagePlan, type ImagePlanOptions, suiteOf } from "../../core/image/image_plan.ts";
import { resolveDependencies } from "../../core/image/resolve_dependencies.ts";
import type { Plugin } from "../../core/plugin/contract.ts";
import { Registry } from "../../core/plugin/registry.ts";
import type { ImagePlan } from "../../core/run/plan.ts";
import { DEPENDENCIES } from "./mod.ts";

const REGISTRY = new Registry<Plugin>(DEPENDENCIES);
const FOLDER = new URL("../../tests/fixtures/dockerfiles/", import.meta.url);
const AUTHORITY = "-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n";

interface Options extends Omit<Partial<ImagePlanOptions>, "contributions" | "arch"> {
  /** `docker.packages` of the home's configuration. */
  readonly packages?: "docker" | "debian";
}

/** Name of the file, entries, and what else the project says. */
const COMBINATIONS: readonly (readonly [string, string, Options?])[] = [
  ["git", "git"],
  ["node_git", "node@22 git"],
  ["python_jq", "python@3.11 jq"],
  ["node_python", "node@22 python@3.11 git jq ripgrep psql npm:cowsay"],
  ["node_newer_python", "node@22 python@3.13"],
  ["trixie_python", "python@3.13 jq", { baseImage: "debian:trixie-slim" }],
  ["go_extras", "go@1.25 go-extras"],
  ["go_module", "go:golang.org/x/tools/cmd/goimports@v0.30"],
  ["rust_crate", "rust node cargo:sd@1.0.0"],
  ["rust_alone_crate", "cargo:sd@1"],
  ["bun_deno", "bun deno"],
  ["cli_essentials", "cli-essentials"],
  ["cli_versions", "ripgrep@14.1.1 fd@10.2.0 bat@0.24.0 fzf@0.56.0"],
  ["python_dev", "python-dev"],
  ["pip_uv", "pip:requests[socks]@2.32 uv:httpie@3.2.4"],
  ["node_dev", "node-dev npm@11 pnpm yarn npm:@angular/cli@19"],
  ["agents", "claude-code codex-cli gemini-cli copilot-cli pi-cli git", {
    gitIdentity: { name: 'Ada "the first" Lovelace', email: "ada@example.org" },
  }],
  ["cloud", "aws gcloud k8s terraform opentofu helm@3.15.0"],
  ["protobuf", "protobuf protobuf-es protobuf-grpc-gateway"],
  ["playwright", "playwright"],
  ["hooks", "node@22", {
    hooks: { postBuildRoot: "echo root\n# done", postBuild: "if true; then\n  echo user\nfi" },
  }],
  ["authorities", "node@22 git", { authorities: AUTHORITY }],
  ["docker_host", "docker:host git"],
  ["docker_host_debian", "docker:host node@22", { packages: "debian" }],
  ["docker_dind", "docker:dind"],
  ["docker_dind_debian", "docker:dind python@3.13", { packages: "debian" }],
  ["base_image", "", { baseImage: "registry.example.org:5000/team/base:1.2" }],
];

function planOf(
  texts: readonly string[],
  arch: "amd64" | "arm64",
  options: Options = {},
): ImagePlan {
  const { packages, ...planned } = options;
  const source = packages === undefined ? {} : { dockerPackages: packages };
  const entries = resolveDependencies(texts, REGISTRY);
  const baseImage = options.baseImage ?? neededBase(entries, REGISTRY, source);
  const contributions = contributionsOf(entries, REGISTRY, {
    arch,
    suite: suiteOf(baseImage),
    ...source,
  });
  return imagePlan({
    init: "#!/bin/sh\n",
    ...planned,
    ...(baseImage === undefined ? {} : { baseImage }),
    contributions,
    arch,
  });
}

function split(texts: string): readonly string[] {
  return texts.split(" ").filter((text) => text !== "");
}

for (const [name, texts, options] of COMBINATIONS) {
  for (const arch of ["amd64", "arm64"] as const) {
    Deno.test(`the Dockerfile of ${name} on ${arch} is the one in fixtures`, async () => {
      const plan = planOf(split(texts), arch, options);
      assert(plan.kind === "build");
      const file = new URL(`${name}.${arch}.dockerfile`, FOLDER);
      if (Deno.args.includes("--update")) await Deno.writeTextFile(file, plan.dockerfile);
      assert.equal(plan.dockerfile, await Deno.readTextFile(file));
    });
  }
}

Deno.test("a single language and nothing else needs no build", () => {
  const bases = {
    "": "debian:bookworm-slim",
    "node@22": "node:22-slim",
    "node": "node:22-slim",
    "python@3.11": "python:3.11-slim",
    "go@1.22": "golang:1.22",
    "rust": "rust:slim",
    "bun": "oven/bun:1.1.38-slim",
  };
  for (const [texts, ref] of Object.entries(bases)) {
    assert.deepEqual(planOf(split(texts), "amd64"), { kind: "base", ref });
  }
});

/** A repeatable stream of numbers below 1. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

function shuffled<T>(items: readonly T[], random: Generator<number, never>): readonly T[] {
  return items.map((item) => ({ item, key: random.next().value }))
    .sort((a, b) => a.key - b.key).map(({ item }) => item);
}

const USABLE = DEPENDENCIES.filter(({ notYet, category }) =>
  notYet === undefined && category !== "dynamic"
).map(({ id, argument }) => argument?.kind === "mode" ? `${id}:${argument.modes[0]}` : id);
const PACKAGES = ["npm:cowsay", "npm:left-pad@1", "pip:six", "uv:httpie", "cargo:sd"];

function tagOf(plan: ImagePlan): string {
  return plan.kind === "base" ? plan.ref : plan.tag;
}

Deno.test("any order of the same dependencies gives the same tag", () => {
  const random = numbers(1);
  for (let round = 0; round < 100; round++) {
    const texts = shuffled([...USABLE, ...PACKAGES], random).slice(0, 1 + round % 12);
    const expected = tagOf(planOf(texts, "amd64"));
    assert.equal(tagOf(planOf(shuffled(texts, random), "amd64")), expected, texts.join(" "));
    assert.equal(tagOf(planOf([...texts, ...texts], "amd64")), expected, texts.join(" "));
  }
});

Deno.test("any change that changes the content changes the tag", () => {
  const base = ["git", "jq", "node@22", "npm:cowsay@1", "ripgrep@14.1.1"];
  const changed: readonly (readonly string[])[] = [
    base,
    [...base, "make"],
    base.slice(1),
    ["git", "jq", "node@20", "npm:cowsay@1", "ripgrep@14.1.1"],
    ["git", "jq", "node@22", "npm:cowsay@2", "ripgrep@14.1.1"],
    ["git", "jq", "node@22", "pip:cowsay@1", "ripgrep@14.1.1"],
    ["git", "jq", "node@22", "uv:cowsay@1", "ripgrep@14.1.1"],
    ["git", "jq", "node@22", "npm:cowsay@1", "ripgrep@13.0.0"],
    ["git", "jq", "node@22", "npm:cowsay@1", "ripgrep"],
  ];
  const options: readonly Options[] = [
    { hooks: { postBuild: "true" } },
    { hooks: { postBuildRoot: "true" } },
    { hooks: { postBuild: "true " } },
    { authorities: AUTHORITY },
    { authorities: AUTHORITY.replace("QUFB", "QUFC") },
    { gitIdentity: { name: "A" } },
    { gitIdentity: { email: "A" } },
    { baseImage: "debian:trixie-slim" },
    { init: "#!/bin/sh -e\n" },
  ];
  const tags = [
    ...changed.map((texts) => tagOf(planOf(texts, "amd64"))),
    ...options.map((one) => tagOf(planOf(base, "amd64", one))),
    tagOf(planOf(base, "arm64")),
  ];
  assert.equal(new Set(tags).size, tags.length);
});

Deno.test("every dependency alone, and each pair with a language, gives a plan on both architectures", () => {
  for (const arch of ["amd64", "arm64"] as const) {
    for (const text of [...USABLE, ...PACKAGES]) {
      for (const language of ["", "node", "python", "go", "rust", "bun"]) {
        const plan = planOf(split(`${language} ${text}`), arch);
        if (plan.kind === "build") assert.match(plan.tag, /^moat\/run:[0-9a-f]{16}$/);
      }
    }
  }
});

Deno.test("no Dockerfile holds a line break, a variable or a quote out of a value", () => {
  const name = 'x"\n$HOME\nRUN id';
  const plan = planOf(["git"], "amd64", { gitIdentity: { name } });
  assert(plan.kind === "build");
  assert(!plan.dockerfile.includes("RUN id"));
  assert.match(plan.files["gitconfig"]?.content ?? "", /^\tname = "x\\"\$HOMERUN id"$/m);
});

Deno.test("imagePlan() refuses a base_image that is no reference", () => {
  for (const baseImage of ["", "a b", "x\nRUN id", "$X", "--platform=x", "../x", "Debian"]) {
    assert.throws(() => planOf([], "amd64", { baseImage }), /Cannot use base_image/);
  }
});
