/** Entries as written, and what the whole catalogue makes of them: one row, one case. */
import assert from "node:assert/strict";
import { UsageError } from "../../core/errors.ts";
import { resolveDependencies } from "../../core/image/resolve_dependencies.ts";
import type { Plugin } from "../../core/plugin/contract.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { DEPENDENCIES } from "./mod.ts";

const REGISTRY = new Registry<Plugin>(DEPENDENCIES);

/** `id[:argument][@version]`, those that were added behind a +. */
function resolved(texts: readonly string[]): string {
  return resolveDependencies(texts, REGISTRY).map(({ id, argument, version, neededBy }) => {
    const name = argument === undefined ? id : `${id.replace(/:$/, "")}:${argument}`;
    return `${neededBy === undefined ? "" : "+"}${name}${
      version === undefined ? "" : `@${version}`
    }`;
  }).join(" ");
}

/** Entries, separated by spaces, and what they resolve to. */
const GOOD: readonly (readonly [string, string])[] = [
  ["node", "node@22"],
  ["node@22", "node@22"],
  ["node@v22", "node@22"],
  ["node@20", "node@20"],
  ["node@22.11", "node@22.11"],
  ["node@22.11.0", "node@22.11.0"],
  ["python", "python@3.11"],
  ["python@3.11", "python@3.11"],
  ["python@3", "python@3.14"],
  ["python@3.12", "python@3.12"],
  ["python@3.12.7", "python@3.12.7"],
  ["go", "go@1.25"],
  ["go@1", "go@1.27"],
  ["go@1.22", "go@1.22"],
  ["go@1.22.5", "go@1.22.5"],
  ["rust", "rust@stable"],
  ["rust@stable", "rust@stable"],
  ["rust@1.90", "rust@1.90"],
  ["bun", "bun@1.1.38"],
  ["bun@1", "bun@1.1.38"],
  ["deno@2", "deno@2.8.3"],
  ["deno@2.7.11", "deno@2.7.11"],
  ["git", "git"],
  ["jq", "jq"],
  ["curl make", "curl make"],
  ["psql", "psql"],
  ["mysql-client", "mysql-client"],
  ["redis-cli", "redis-cli"],
  ["ripgrep", "ripgrep"],
  ["ripgrep@14", "ripgrep@14.1.1"],
  ["ripgrep@14.1", "ripgrep@14.1.1"],
  ["ripgrep@13.0.0", "ripgrep@13.0.0"],
  ["fd@10.2.0", "fd@10.2.0"],
  ["yq", "yq@4.45.4"],
  ["yq@4", "yq@4.45.4"],
  ["gh", "gh@2.40.0 +git"],
  ["lazygit", "+git lazygit@0.44.0"],
  ["git gh", "gh@2.40.0 git"],
  ["protoc", "protoc"],
  ["protoc@25", "protoc@25.1"],
  ["helm", "helm@3.16.0"],
  ["kubectl", "kubectl@stable"],
  ["kubectl@1.31.2", "kubectl@1.31.2"],
  ["k8s", "helm@3.16.0 kubectl@stable"],
  ["terraform@1.9.8", "terraform@1.9.8"],
  ["aws", "aws@2"],
  ["aws@2.15.30", "aws@2.15.30"],
  ["gcloud", "gcloud@latest +python@3.11"],
  ["uv", "+python@3.11 uv@0.11.6"],
  ["uv@0.11.6", "+python@3.11 uv@0.11.6"],
  ["uv python@3.12", "python@3.12 uv@0.11.6"],
  ["cli-essentials", "bat fd fzf jq ripgrep yq@4.45.4"],
  ["cli-essentials jq", "bat fd fzf jq ripgrep yq@4.45.4"],
  ["cli-essentials ripgrep@14", "bat fd fzf jq ripgrep@14.1.1 yq@4.45.4"],
  ["ripgrep@14 cli-essentials", "bat fd fzf jq ripgrep@14.1.1 yq@4.45.4"],
  ["docker:dind", "docker:dind"],
  ["docker:host jq docker:host", "docker:host jq"],
  ["node node@20", "node@20"],
  ["node@20 node", "node@20"],
  ["node@22 node@22", "node@22"],
  ["node@22 node@v22", "node@22"],
  ["npm:cowsay", "+node@22 npm:cowsay"],
  ["npm:cowsay node@20", "node@20 npm:cowsay"],
  ["npm:cowsay@1", "+node@22 npm:cowsay@1"],
  ["npm:cowsay@^1.6", "+node@22 npm:cowsay@^1.6"],
  ["npm:cowsay@~1.6.0", "+node@22 npm:cowsay@~1.6.0"],
  ["npm:cowsay@1.x", "+node@22 npm:cowsay@1.x"],
  ["npm:cowsay@latest", "+node@22 npm:cowsay@latest"],
  ["npm:cowsay@1.6.0-beta.1", "+node@22 npm:cowsay@1.6.0-beta.1"],
  ["npm:@angular/cli", "+node@22 npm:@angular/cli"],
  ["npm:@angular/cli@19", "+node@22 npm:@angular/cli@19"],
  ["npm:@types/node@^22.0.0", "+node@22 npm:@types/node@^22.0.0"],
  ["npm:lodash.merge", "+node@22 npm:lodash.merge"],
  ["npm:JSONStream", "+node@22 npm:JSONStream"],
  ["npm:a npm:b", "+node@22 npm:a npm:b"],
  ["npm:typescript@5 typescript", "+node@22 npm:typescript@5 typescript@7.0.2"],
  ["pip:requests", "pip:requests +python@3.11"],
  ["pip:requests@2", "pip:requests@2 +python@3.11"],
  ["pip:requests@2.32.3", "pip:requests@2.32.3 +python@3.11"],
  ["pip:requests[socks]", "pip:requests[socks] +python@3.11"],
  ["pip:uvicorn[standard,extra]@0.30", "pip:uvicorn[extra,standard]@0.30 +python@3.11"],
  ["pip:zope.interface", "pip:zope-interface +python@3.11"],
  ["pip:a[c,b] pip:A[b,c]", "pip:a[b,c] +python@3.11"],
  ["pip:Flask pip:flask", "pip:flask +python@3.11"],
  ["pip:black@26.1rc1", "pip:black@26.1rc1 +python@3.11"],
  ["pip:requests python@3.12", "pip:requests python@3.12"],
  ["uv:httpie", "+python@3.11 +uv@0.11.6 uv:httpie"],
  ["uv:httpie@3.2.4", "+python@3.11 +uv@0.11.6 uv:httpie@3.2.4"],
  ["uv:black uv", "+python@3.11 uv@0.11.6 uv:black"],
  ["go:golang.org/x/tools/cmd/goimports", "+go@1.25 go:golang.org/x/tools/cmd/goimports"],
  [
    "go:golang.org/x/tools/cmd/goimports@v0.30",
    "+go@1.25 go:golang.org/x/tools/cmd/goimports@v0.30",
  ],
  ["go:github.com/rakyll/hey@latest", "+go@1.25 go:github.com/rakyll/hey@latest"],
  ["go:example.org/a/v2@v2.0.0-rc.1 go@1.26", "go@1.26 go:example.org/a/v2@v2.0.0-rc.1"],
  ["cargo:cargo-nextest", "cargo:cargo-nextest +rust@stable"],
  ["cargo:cargo-nextest@0.9", "cargo:cargo-nextest@0.9 +rust@stable"],
  ["cargo:sd@1.0.0 rust@1.90", "cargo:sd@1.0.0 rust@1.90"],
  ["prettier", "+node@22 prettier@3.10.1"],
  ["prettier@2", "+node@22 prettier@2.8.8"],
  ["prettier@3.0.0", "+node@22 prettier@3.0.0"],
  ["typescript@5", "+node@22 typescript@5.9.3"],
  ["typescript@latest", "+node@22 typescript@latest"],
  ["eslint@9 node@20", "eslint@9.39.5 node@20"],
  ["node-dev", "eslint@10.15.0 +node@22 prettier@3.10.1 typescript@7.0.2"],
  ["npm", "+node@22 npm@11.21.2"],
  ["npm@10", "+node@22 npm@10.9.9"],
  ["pnpm", "+node@22 pnpm@12.21.0"],
  ["yarn", "+node@22 yarn@1.22.22"],
  ["claude-code", "claude-code@2.1.329 +node@22"],
  ["black", "black@26.10.1 +python@3.11 +uv@0.11.6"],
  ["ruff@0.16", "+python@3.11 ruff@0.16.10 +uv@0.11.6"],
  [
    "python-dev",
    "black@26.10.1 mypy@2.4.1 pytest@9.2.0 +python@3.11 ruff@0.17.5 uv@0.11.6",
  ],
  ["gopls", "+go@1.25 gopls@0.21.1"],
  ["gofumpt", "+go@1.25 gofumpt@0.9.2"],
  ["protoc-gen-go", "+go@1.25 +protoc protoc-gen-go@1.36.12"],
  ["protoc-gen-es", "+node@22 +protoc protoc-gen-es@2.17.0"],
  [
    "go-extras",
    "+go@1.25 gofumpt@0.9.2 golangci-lint@2.8.0 goreleaser@2.13.3 govulncheck@1.7.0",
  ],
  ["playwright", "+node@22 playwright@1.65.1"],
];

/** An entry, or entries separated by spaces, and what the error says; then what its hint says. */
const BAD: readonly (readonly [string, RegExp, RegExp?])[] = [
  ["", /"": it is empty/, /node@22/],
  ["nod", /"nod": there is no dependency of that name/, /Did you mean "node"\?/],
  ["nodejs", /no dependency of that name/, /Did you mean "node"\?/],
  ["pyhton@3.11", /"pyhton@3.11"/, /Did you mean "python"\?/],
  ["ripgerp", /no dependency/, /"ripgrep"/],
  ["zzzzzzzz", /no dependency/, /moat deps list/],
  ["nmp:cowsay", /no dependency/, /"npm"/],
  ["gti", /no dependency/, /"git"/],
  ["docker", /"docker": it needs a mode/, /docker:host or docker:dind/],
  ["docker@20", /"docker@20": it needs a mode/, /docker:host or docker:dind/],
  ["docker:hots", /"hots" is not one of its modes/, /docker:host or docker:dind/],
  ["docker:", /"" is not one of its modes/, /docker:host or docker:dind/],
  ["docker:host@20", /"host@20" is not one of its modes/],
  ["docker:host docker:dind", /asks for another one of the same/, /Remove one of/],
  ["node@99", /the catalogue has no version 99/, /Known: 26, 24, 22, 20, 18/],
  ["node@lts", /no version lts/],
  ["node@latest", /no version latest/],
  ["node@", /"" is not a version/, /Write node@1.2, or node/],
  ["node@^22", /"\^22" is not a version/],
  ["node@>=22", /is not a version/],
  ["node@22 node@20", /"node@20": "node@22" asks for another one of the same/, /Remove one of/],
  ["node@22.11.0 node@22", /asks for another one/],
  ["git@2", /"git@2": it takes no version/, /Write git/],
  ["jq@1.7", /takes no version/],
  ["cli-essentials@1", /stands for several entries and takes no version/],
  ["python@2", /no version 2/],
  ["python@4", /no version 4/],
  ["go@2", /no version 2/],
  ["bun@0.9", /no version 0.9/, /bun@1\.2\.3/],
  ["git:hub", /"git" takes nothing behind a colon/],
  ["node:22", /takes nothing behind a colon/],
  ["cli-essentials:jq", /takes nothing behind a colon/],
  ["npm:", /it names no package/, /npm:typescript@5/],
  ["npm:@", /"@" is not a package name/],
  ["npm:@scope", /"@scope" is not a package name/],
  ["npm:@scope/", /is not a package name/],
  ["npm:cowsay@", /"" is not a version/],
  ["npm:cowsay@1@2", /"1@2" is not a version/],
  ["npm:--global", /"--global" is not a package name/],
  ["npm:-g", /is not a package name/],
  ["npm:../evil", /is not a package name/],
  ["npm:a..b", /is not a package name/],
  ["npm:./local", /is not a package name/],
  ["npm:/etc", /is not a package name/],
  ["npm:a/b", /is not a package name/],
  ["npm:git+https://example.org/x", /is not a package name/],
  ["npm:a;id", /is not a package name/],
  ["npm:a$(id)", /is not a package name/],
  ["npm:a`id`", /is not a package name/],
  ["npm:a'b", /is not a package name/],
  ['npm:a"b', /is not a package name/],
  ["npm:a|b", /is not a package name/],
  ["npm:a&b", /is not a package name/],
  ["npm:a@1;id", /is not a version/],
  ["npm:a@$(id)", /is not a version/],
  ["npm:a@file:x", /is not a version/],
  ["npm:a@1 npm:a@2", /"npm:a@1" asks for another one/],
  ["pip:", /names no package/, /pip:requests\[socks\]@2\.32/],
  ["pip:a[b;c]", /"a\[b;c\]" is not a package name/],
  ["pip:a[b", /is not a package name/],
  ["pip:a]b", /is not a package name/],
  ["pip:a[]", /is not a package name/],
  ["pip:a[b,]", /is not a package name/],
  ["pip:-r", /is not a package name/],
  ["pip:a.", /is not a package name/],
  ["pip:a==1", /is not a package name/],
  ["pip:a@==1", /is not a version/],
  ["pip:a@https://example.org/a.whl", /is not a version/],
  ["pip:a@1.*", /is not a version/],
  ["pip:a[b] pip:a", /asks for another one/],
  ["pip:Flask@2 pip:flask@3", /asks for another one/],
  ["pip:zope.interface@1 pip:zope-interface@2", /asks for another one/],
  ["uv:a[b;c]", /is not a package name/],
  ["uv:--help", /is not a package name/],
  ["uv:", /names no package/],
  ["go:", /names no package/],
  ["go:goimports", /"goimports" is not a package name/, /go:golang\.org/],
  ["go:./cmd", /is not a package name/],
  ["go:example.org/../x", /is not a package name/],
  ["go:example.org/-x", /is not a package name/],
  ["go:https://example.org/x", /is not a package name/],
  ["go:example.org/x@1.2", /"1.2" is not a version/],
  ["go:example.org/x@main", /is not a version/],
  ["go:example.org/x@v1..2", /is not a version/],
  ["cargo:", /names no package/],
  ["cargo:--git", /is not a package name/],
  ["cargo:a/b", /is not a package name/],
  ["cargo:a@^1", /is not a version/],
  ["Node", /"Node" is not a name/, /a-z, 0-9 and -/],
  ["node_js", /is not a name/],
  ["-node", /is not a name/],
  ["node-", /is not a name/],
  ["no--de", /is not a name/],
  ["..", /is not a name/],
  ["@scope/pkg", /it names nothing/],
  [":x", /it names nothing/],
  ["node@22;id", /is not a version/],
  ["node@22$(id)", /is not a version/],
  ["node@22'", /is not a version/],
  ["node@2..2", /is not a version/],
  ["node@../22", /is not a version/],
];

/** Characters that no entry has, wherever they stand. */
const HOSTILE: readonly (readonly [string, RegExp])[] = [
  ["\n", /a line break/],
  [" ", /a space/],
  ["\t", /U\+0009/],
  ["\r", /U\+000D/],
  ["\0", /U\+0000/],
  ["\u007f", /U\+007F/],
  ["٢", /U\+0662/],
  ["２", /U\+FF12/],
  ["é", /U\+00E9/],
  ["\u200b", /U\+200B/],
  ["\u202e", /U\+202E/],
  ["😀", /U\+1F600/],
];

for (const [texts, expected] of GOOD) {
  Deno.test(`resolveDependencies() makes "${texts}" into "${expected}"`, () => {
    assert.equal(resolved(texts.split(" ")), expected);
    assert.equal(resolved(texts.split(" ").reverse()), expected, "whatever the order");
  });
}

for (const [texts, message, hint] of BAD) {
  Deno.test(`resolveDependencies() refuses ${JSON.stringify(texts)}`, () => {
    assert.throws(() => resolved(texts.split(" ")), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, /^Cannot use dependency "/);
      assert.match(error.message, message);
      if (hint !== undefined) assert.match(error.hint ?? "", hint);
      return true;
    });
  });
}

for (const [character, expected] of HOSTILE) {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  Deno.test(`resolveDependencies() refuses U+${code} in every place, and prints it plainly`, () => {
    const entries = ["X", "Xnode", "noXde", "nodeX", "node@X", "node@2X2", "node@22X", "docker:X"];
    const packages = ["npm:aX", "npm:@sX/p", "npm:a@X1", "pip:a[X]", "pip:aX", "uv:aX", "uv:a@1X"];
    const others = ["go:example.org/aX", "go:example.org/a@v1X", "cargo:aX", "cargo:a@1X"];
    for (const place of [...entries, ...packages, ...others]) {
      assert.throws(() => resolved([place.replace("X", character)]), (error) => {
        assert(error instanceof UsageError, place);
        assert.match(error.message, expected);
        assert.match(error.message, /^[ -~]*$/, "only printable ASCII");
        return true;
      });
    }
  });
}

Deno.test("resolveDependencies() answers at once for a long entry", () => {
  for (const part of ["a", "-", "1.", "a-", "1a", "@"]) {
    assert.throws(() => resolved([`npm:${part.repeat(400)}`]), /longer than 300 characters/);
    assert.throws(() => resolved([`node@${part.repeat(140)}!`]), UsageError);
    assert.throws(() => resolved([`pip:${part.repeat(140)}!`]), UsageError);
    assert.throws(() => resolved([`go:${part.repeat(140)}!`]), UsageError);
  }
});
