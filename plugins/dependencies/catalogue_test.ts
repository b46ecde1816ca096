/** What holds for every entry of the catalogue. */
import assert from "node:assert/strict";
import * as v from "valibot";
import { downloadScript } from "../../core/image/download_script.ts";
import { resolveDependencies } from "../../core/image/resolve_dependencies.ts";
import type { DependencyPlugin, Plugin } from "../../core/plugin/contract.ts";
import type { Layer, Target } from "../../core/plugin/contribution.ts";
import type { Manifest } from "../../core/plugin/manifest.ts";
import { MANIFEST_SCHEMA } from "../../core/plugin/manifest_schema.ts";
import { manifestProblem } from "../../core/plugin/read_manifest.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { aptToolManifest } from "./_apt_tool.ts";
import { goToolManifest } from "./_go_tool.ts";
import { npmToolManifest } from "./_npm_tool.ts";
import { pythonToolManifest } from "./_python_tool.ts";
import { releaseManifest } from "./_release.ts";
import { APT_TOOLS } from "./apt_tools.ts";
import { BUN } from "./bun.ts";
import { DENO } from "./deno.ts";
import { GO_TOOLS } from "./go_tools.ts";
import { META } from "./meta.ts";
import { DEPENDENCIES } from "./mod.ts";
import { NPM_TOOLS } from "./npm_tools.ts";
import { PLAYWRIGHT } from "./playwright.ts";
import { PYTHON_TOOLS } from "./python_tools.ts";
import { RELEASES } from "./releases.ts";

const REGISTRY = new Registry<Plugin>(DEPENDENCIES);
const TARGETS: readonly Target[] = [
  { arch: "amd64", suite: "bookworm", present: [] },
  { arch: "arm64", suite: "trixie", present: [] },
];
const SHA256 = /^[0-9a-f]{64}$/;

/** Names that a project may already use, and ours. */
const NAMES = `act air aws bat bats black buf bun claude-code cli-essentials codex-cli copilot-cli
  curl delta docker eslint fd fzf gcloud gemini-cli gh git go go-extras gofumpt golangci-lint gopls
  goreleaser govulncheck graphite-cli helm jq k8s kubectl lazygit make mockgen mypy   mysql-client node node-dev npm opentofu pi-cli playwright pnpm prettier protobuf
  protobuf-es protobuf-grpc-gateway protoc protoc-gen-connect-es protoc-gen-connect-go
  protoc-gen-doc protoc-gen-es protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway
  protoc-gen-grpc-gateway-ts protoc-gen-openapiv2 protoc-gen-validate psql pytest python python-dev
  redis-cli ripgrep ruff rust sqlc sqlite3 task terraform terragrunt typescript uv yarn yq
  deno cargo: go: npm: pip: uv:`.split(/\s+/);

const MANIFESTS: readonly Manifest[] = [
  ...APT_TOOLS.map(aptToolManifest),
  ...GO_TOOLS.map(goToolManifest),
  ...NPM_TOOLS.map(npmToolManifest),
  ...PYTHON_TOOLS.map(pythonToolManifest),
  ...RELEASES.map(releaseManifest),
  ...META,
  BUN,
  DENO,
  PLAYWRIGHT,
];

/** All layers that a plugin gives for its default and its newest version. */
function layersOf(plugin: DependencyPlugin): readonly Layer[] {
  if (plugin.notYet !== undefined || plugin.argument !== undefined) return [];
  const newest = plugin.versions?.known[0]?.version;
  const texts = newest === undefined ? [plugin.id] : [plugin.id, `${plugin.id}@${newest}`];
  return texts.flatMap((text) =>
    resolveDependencies([text], REGISTRY).filter(({ id }) => id === plugin.id)
  ).flatMap((entry) => TARGETS.flatMap((target) => plugin.contribute(entry, target).layers ?? []));
}

Deno.test("every name that a project may use is known", () => {
  assert.deepEqual(DEPENDENCIES.map(({ id }) => id).toSorted(), NAMES.toSorted());
});

Deno.test("ids are sorted", () => {
  const ids = DEPENDENCIES.map(({ id }) => id);
  assert.deepEqual(ids, ids.toSorted());
});

for (const plugin of DEPENDENCIES) {
  Deno.test(`the entry "${plugin.id}" is described well and fits the others`, () => {
    assert.match(plugin.summary, /^[A-Za-z][^]*[^.]$/, "no full stop");
    for (const id of [...plugin.requires ?? [], ...plugin.expands ?? []]) {
      assert(REGISTRY.find("dependency", id) !== undefined, id);
    }
    const isInstalled = plugin.expands === undefined && plugin.notYet === undefined &&
      plugin.category !== "dynamic";
    if (isInstalled) assert((plugin.commands ?? []).length > 0, "brings no command");
    if (plugin.notYet === undefined && plugin.expands === undefined) assert(plugin.find);
    for (const pin of plugin.versions?.known ?? []) {
      const sums = [pin.sha256?.amd64, pin.sha256?.arm64].filter((sum) => sum !== undefined);
      for (const sum of sums) assert.match(sum, SHA256);
      if (sums.length === 0 && pin.integrity === undefined) continue;
      assert.match(pin.date ?? "", /^\d{4}-\d{2}-\d{2}$/, "a pin has its day");
      assert.match(pin.source ?? "", new RegExp(pin.version), "a pin has its command");
    }
  });

  Deno.test(`the layers of "${plugin.id}" hold no version in a script and no plain address`, () => {
    for (const layer of layersOf(plugin)) {
      if (layer.kind === "run") {
        assert.doesNotMatch(layer.script, /\d+\.\d+\.\d+|https?:/, "values come through env");
        const used = new Set(
          [...layer.script.matchAll(/\$\{?([A-Z][A-Z0-9_]*)/g)].map(([, n]) => n),
        );
        for (const name of Object.keys(layer.env ?? {})) {
          const isRead = used.has(name) || /^(?:UV_|GO|BIN$|PLAYWRIGHT)/.test(name);
          assert(isRead, `${name} is not read`);
        }
      }
      if (layer.kind === "download") assert.match(layer.url, /^https:\/\/[^{}\s]+$/);
      if (layer.kind === "copy-from") assert.match(layer.image, /:[\w.-]+$/, "an image has a tag");
    }
  });
}

for (const manifest of MANIFESTS) {
  Deno.test(`the manifest of "${manifest.id}" is one that third parties could write`, () => {
    const result = v.safeParse(MANIFEST_SCHEMA, structuredClone(manifest));
    assert(
      result.success,
      JSON.stringify(result.issues?.map(({ message, path }) => [message, path])),
    );
    const debian = RELEASES.some(({ id, debian }) => id === manifest.id && debian !== undefined);
    if (!debian) assert.equal(manifestProblem(manifest), undefined);
  });
}

const HAS_SHELLCHECK = (() => {
  try {
    return new Deno.Command("shellcheck", { args: ["--version"], stdout: "null" }).outputSync()
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
})();

Deno.test({
  name: "all scripts pass shellcheck",
  ignore: !HAS_SHELLCHECK,
  async fn() {
    const scripts = new Set(
      DEPENDENCIES.flatMap(layersOf).flatMap((layer) => {
        const { script, env = {} } = layer.kind === "run"
          ? layer
          : layer.kind === "download"
          ? downloadScript(layer)
          : { script: undefined };
        if (script === undefined) return [];
        const set = Object.keys(env).map((name) => `: "\${${name}:=}"`);
        return [`#!/bin/sh\n${set.join("\n")}\n${script.trim()}\n`];
      }),
    );
    assert(scripts.size > 10);
    const folder = await Deno.makeTempDir();
    try {
      const files = await Promise.all([...scripts].map(async (script, index) => {
        await Deno.writeTextFile(`${folder}/${index}.sh`, script);
        return `${folder}/${index}.sh`;
      }));
      const { success, stdout } = await new Deno.Command("shellcheck", { args: files }).output();
      assert(success, new TextDecoder().decode(stdout));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
