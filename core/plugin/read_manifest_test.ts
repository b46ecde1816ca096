import assert from "node:assert/strict";
import * as v from "valibot";
import { ConfigError } from "../errors.ts";
import type { Target } from "./contribution.ts";
import { createDependency } from "./manifest.ts";
import { MANIFEST_SCHEMA } from "./manifest_schema.ts";
import { credentialPattern } from "./provider.ts";
import { readManifest } from "./read_manifest.ts";

const TARGET: Target = { arch: "arm64", suite: "bookworm", present: [] };

const GOOD = `schema: 1
kind: dependency
id: hello
summary: Says hello
category: tool
versions:
  default: 1.10
  known:
    - version: 1.10
      sha256: { arm64: ${"ab".repeat(32)} }
  others: 2
architectures: { amd64: x86_64, arm64: aarch64 }
commands: [hello]
contribution:
  apt: [curl]
  env: { HELLO_HOME: "/opt/hello/{version}" }
  layers:
    - kind: download
      group: binary
      url: https://example.org/v{version}/hello-{vendor_arch}.tar.gz
      check: { kind: sums, url: "https://example.org/v{version}/sums", format: list, name: "hello-{vendor_arch}.tar.gz" }
      archive: tar.gz
      install: [{ from: "hello-{version}/hello", to: /usr/local/bin/hello }]
    - kind: run
      group: custom
      script: |
        hello --setup "$VERSION" \${HOME}
      env: { VERSION: "{version}" }
`;

async function read(text: string) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await readManifest(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("readManifest() gives a dependency whose placeholders are filled", async () => {
  const manifest = await read(GOOD);
  assert(manifest?.kind === "dependency");
  const plugin = createDependency(manifest);
  const pin = manifest.versions?.known?.[0];
  assert(pin !== undefined);
  const entry = { text: "hello", id: "hello", version: "1.10", pin };
  const { layers, env } = plugin.contribute(entry, TARGET);
  assert.deepEqual(env, { HELLO_HOME: "/opt/hello/1.10" });
  assert.deepEqual(layers?.[0], {
    kind: "download",
    group: "binary",
    url: "https://example.org/v1.10/hello-aarch64.tar.gz",
    check: { kind: "sha256", sha256: "ab".repeat(32) },
    archive: "tar.gz",
    install: [{ from: "hello-1.10/hello", to: "/usr/local/bin/hello" }],
  });
  const unpinned = plugin.contribute({ text: "hello@2.0", id: "hello", version: "2.0" }, TARGET);
  assert.deepEqual(unpinned.layers?.[0]?.kind === "download" && unpinned.layers[0].check, {
    kind: "sums",
    url: "https://example.org/v2.0/sums",
    format: "list",
    name: "hello-aarch64.tar.gz",
  });
});

Deno.test("readManifest() gives undefined when there is no file", async () => {
  assert.equal(await readManifest("/nonexistent/moat-plugin.yaml"), undefined);
});

/** A change to the good manifest, and the error's line and text. */
const BAD: readonly (readonly [name: string, from: string, to: string, expected: RegExp])[] = [
  ["an unknown key", "commands: [", "comands: [", /:\d+:1: .*"comands".*no such key/],
  ["a missing key", "schema: 1", "# none", /Cannot read the file: its "schema" is missing/],
  ["another schema", "schema: 1", "schema: 2", /:1:9: .*"schema".*is not a schema/],
  ["another kind", "kind: dependency", "kind: theme", /:2:7: .*is not a kind of plugin/],
  ["an id with a slash", "id: hello", "id: he/llo", /:3:5: .*"he\/llo" is not a name/],
  ["a category that only moat has", "category: tool", "category: docker", /is not a category/],
  ["a service without a server", "category: tool", "category: service", /"category".*is missing/],
  ["an unknown placeholder", "/v{version}/hello-", "/v{verison}/hello-", /cannot be filled/],
  ["an open brace", 'HELLO_HOME: "/opt/hello/{version}"', 'HELLO_HOME: "{ x"', /cannot be filled/],
  [
    "a placeholder in a script",
    '"$VERSION"',
    "{version}",
    /"contribution.layers\[1\].script".*holds a placeholder/,
  ],
  [
    "a plain address",
    "url: https://example.org/v",
    "url: http://example.org/v",
    /is not an address/,
  ],
  ["an address with a quote", "/v{version}/hello-", "/v{version}'/hello-", /is not an address/],
  ["an address with a space", "/v{version}/hello-", "/v {version}/hello-", /is not an address/],
  [
    "a path that climbs",
    "to: /usr/local/bin/hello",
    "to: /usr/../hello",
    /is not an absolute path/,
  ],
  ["a relative target", "to: /usr/local/bin/hello", "to: bin/hello", /is not an absolute path/],
  ["a package with an option", "apt: [curl]", 'apt: ["-o=x"]', /is not a Debian package/],
  ["a package with a semicolon", "apt: [curl]", 'apt: ["curl;id"]', /is not a Debian package/],
  ["a group of moat's own", "group: custom", "group: hook", /is not a group of layers/],
  ["a bad variable", "env: { VERSION:", "env: { VER-SION:", /is not a variable's name/],
  ["a line break in a value", '"/opt/hello/{version}"', '"a\\nb"', /is not one line/],
  ["a short sum", "ab".repeat(32), "abab", /is not a SHA-256/],
  ["a command with a path", "commands: [hello]", "commands: [../hello]", /is not a program/],
  [
    "no default for {version}",
    "  default: 1.10\n",
    "",
    /\{version\} is not known without versions.default/,
  ],
  [
    "no words for {vendor_arch}",
    "architectures: { amd64: x86_64, arm64: aarch64 }\n",
    "",
    /without architectures/,
  ],
  ["expands and contribution", "commands: [hello]", "expands: [git]", /adds nothing itself/],
];

for (const [name, from, to, expected] of BAD) {
  Deno.test(`readManifest() refuses ${name}, with its place`, async () => {
    assert(GOOD.includes(from), `the good manifest has no ${from}`);
    await assert.rejects(read(GOOD.replaceAll(from, to)), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, expected);
      assert.match(error.message, /\.yaml:\d+:\d+: /);
      return true;
    });
  });
}

Deno.test("MANIFEST_SCHEMA refuses hostile text in every field of text", () => {
  const hostile = ["a\nRUN id", "a\u0000b", 'a" b', "a'b", "$(id)", "`id`", "٣", "a;b", "../../x"];
  const base = {
    schema: 1,
    kind: "dependency",
    id: "hello",
    summary: "Says hello",
    category: "tool",
  };
  for (const text of hostile) {
    const fields = [
      { ...base, id: text },
      { ...base, requires: [text] },
      { ...base, expands: [text] },
      { ...base, commands: [text] },
      { ...base, versions: { default: text } },
      { ...base, versions: { known: [{ version: text }] } },
      { ...base, versions: { known: [{ version: "1", integrity: text }] } },
      { ...base, architectures: { amd64: text, arm64: "a" } },
      { ...base, contribution: { base_image: text } },
      { ...base, contribution: { apt: [text] } },
      { ...base, contribution: { path: [text] } },
      { ...base, contribution: { files: { [text]: { content: "", mode: 0o644 } } } },
      { ...base, contribution: { env: { [text]: "" } } },
      { ...base, entry: `${text}.js`, contract: 1 },
      { ...base, entry: "plugin.js", contract: 1, permissions: { read: [text] } },
      { ...base, entry: "plugin.js", contract: 1, permissions: { env: [text] } },
    ];
    for (const value of fields) {
      assert(!v.is(MANIFEST_SCHEMA, value), `accepted: ${JSON.stringify(value)}`);
    }
  }
  assert(v.is(MANIFEST_SCHEMA, base));
});

Deno.test("readManifest() refuses code whose keys do not go together", async () => {
  const head = "schema: 1\nkind: dependency\nid: hello\nsummary: Says hello\ncategory: tool\n";
  const code = "entry: plugin.js\ncontract: 1\n";
  const good = await read(head + code);
  assert.equal(good?.kind === "dependency" && good.entry, "plugin.js");
  for (
    const { keys, message } of [
      { keys: "entry: plugin.js\n", message: /"entry": the contract .* is missing/ },
      {
        keys: "entry: plugin.js\ncontract: 2\n",
        message: /is not a contract that this moat knows/,
      },
      { keys: "contract: 1\n", message: /"contract": without a module/ },
      { keys: "permissions: {}\n", message: /"permissions": without a module/ },
      { keys: `${code}contribution: {}\n`, message: /"entry": the module gives the contribution/ },
      { keys: `${code}expands: [git]\n`, message: /"entry": the module gives the contribution/ },
      { keys: `${code}permissions: { net: [a] }\n`, message: /"a" is not a server/ },
      { keys: `${code}permissions: { ffi: [a] }\n`, message: /"permissions\.ffi"/ },
      { keys: `${code}permissions: { read: [/proc/1] }\n`, message: /is not a path/ },
    ]
  ) {
    await assert.rejects(() => read(head + keys), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("the manifests in docs/dependencies.md are ones", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/dependencies.md", import.meta.url));
  const examples = [...page.matchAll(/```yaml\n(schema: 1\n[^]*?)```/g)].map(([, text = ""]) =>
    text
  );
  const manifests = await Promise.all(examples.map(read));
  assert.deepEqual(manifests.map((manifest) => manifest?.id), ["hello", "hello-db"]);
});

const RUNTIME = `schema: 1
kind: runtime
id: engine
summary: Runs on an engine
entry: bin/engine
contract: 1
permissions: { run: [engine-ctl], env: [ENGINE_HOST] }
`;

const PROVIDER = `schema: 1
kind: provider
id: tokens
summary: Tokens
credential:
  variables: [TOKEN]
  form: { prefix: "t.", characters: hex, length: { min: 8, max: 9 } }
hosts: [{ host: api.example.org, header: { name: X-Token, value: "{secret}" } }]
env: { TOKEN: t.00000000 }
validate: { method: GET, url: "https://api.example.org/me" }
`;

Deno.test("readManifest() reads runtimes and providers", async () => {
  const runtime = await read(RUNTIME);
  assert.deepEqual(runtime?.kind === "runtime" && runtime.permissions, {
    run: ["engine-ctl"],
    env: ["ENGINE_HOST"],
  });
  const provider = await read(PROVIDER);
  assert(provider?.kind === "provider");
  const pattern = credentialPattern(provider.credential.form);
  const tokens = [
    "t.12345678",
    "t.123456789",
    "t.1234567",
    "t.1234567890",
    "tx12345678",
    "t.1234567g",
  ];
  assert.deepEqual(tokens.filter((token) => pattern.test(token)), tokens.slice(0, 2));
});

for (
  const { of, from, to, message } of [
    { of: RUNTIME, from: "bin/engine", to: "../engine", message: /:5:8: .*is not a file of/ },
    { of: RUNTIME, from: "bin/engine", to: "/bin/sh", message: /is not a file of the plugin/ },
    { of: RUNTIME, from: "contract: 1", to: "contract: 2", message: /is not a protocol/ },
    { of: RUNTIME, from: "[engine-ctl]", to: "[/bin/sh]", message: /is not a program/ },
    { of: RUNTIME, from: "summary", to: "category: tool\nsummary", message: /no such key/ },
    { of: PROVIDER, from: "api.example.org, h", to: '"*", h', message: /is not a host/ },
    { of: PROVIDER, from: '"{secret}"', to: "Bearer", message: /has not one place/ },
    { of: PROVIDER, from: "[TOKEN]", to: "[]", message: /"credential.variables/ },
    { of: PROVIDER, from: "min: 8", to: "min: 10", message: /no token can be so long/ },
    { of: PROVIDER, from: "characters: hex", to: "characters: any", message: /set of characters/ },
    { of: PROVIDER, from: "https://api", to: "http://api", message: /is not an address/ },
    {
      of: PROVIDER,
      from: "//api.example.org/me",
      to: "//evil.example.org/",
      message: /does not go/,
    },
    { of: PROVIDER, from: "{ TOKEN: t.00000000 }", to: "{}", message: /"env": a map is empty/ },
  ]
) {
  Deno.test(`readManifest() refuses ${JSON.stringify(to)} in place of ${from}`, async () => {
    assert(of.includes(from));
    await assert.rejects(read(of.replaceAll(from, to)), { name: "ConfigError", message });
  });
}
