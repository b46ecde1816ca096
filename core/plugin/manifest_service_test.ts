import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import type { Target } from "./contribution.ts";
import { createDependency } from "./manifest.ts";
import { readManifest } from "./read_manifest.ts";

const TARGET: Target = { arch: "amd64", suite: "bookworm", present: [] };

/** A service that somebody else describes; the page about dependencies has one too. */
const GOOD = `schema: 1
kind: dependency
id: hello-db
summary: Keeps greetings
category: service
versions: { default: "2", others: 1 }
service:
  image: example/hello:{version}
  command: [serve, --listen, "0.0.0.0"]
  port: 7000
  env: { HELLO_NAME: world, HELLO_PASSWORD_FILE: /run/moat/password }
  reserved: [HELLO_PASSWORD]
  files:
    - path: /run/moat/password
      content: "{password}"
      mode: 0o600
      uid: 1000
  ready: { kind: http, port: 7000, path: /health }
  ready_seconds: 30
  variables:
    MOAT_HELLO_DB_URL: "hello://x:{password}@{host}:7000/{url.HELLO_NAME}?v={version}"
    MOAT_HELLO_DB_NAME: "{env.HELLO_NAME}"
  data:
    directory: /var/lib/hello
    resume: exec serve --resume "$@"
    seed: exec hello-load "\${HELLO_NAME}"
  host:
    programs: [hello-server]
    script: exec hello-server --data "$DATA" --port "$PORT"
`;

async function read(text: string) {
  const directory = await Deno.makeTempDir();
  const file = join(directory, "moat-plugin.yaml");
  try {
    await Deno.writeTextFile(file, text);
    return await readManifest(file);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("readManifest() gives a service of somebody else that works as moat's own do", async () => {
  const manifest = await read(GOOD);
  assert(manifest?.kind === "dependency");
  const plugin = createDependency(manifest);
  const entry = { text: "hello-db@3", id: "hello-db", requested: "3", version: "3" };
  const services = { "hello-db": { env: { HELLO_NAME: "a/b" }, image: "mirror/hello:3" } };
  assert.deepEqual(plugin.contribute(entry, { ...TARGET, services }), {
    services: [{
      name: "hello-db",
      image: "mirror/hello:3",
      command: ["serve", "--listen", "0.0.0.0"],
      port: 7000,
      env: { HELLO_NAME: "a/b", HELLO_PASSWORD_FILE: "/run/moat/password" },
      files: [{ path: "/run/moat/password", content: "{password}", mode: 0o600, uid: 1000 }],
      ready: { kind: "http", port: 7000, path: "/health" },
      readyTimeoutMs: 30_000,
      variables: {
        MOAT_HELLO_DB_URL: "hello://x:{password}@{host}:7000/a%2Fb?v=3",
        MOAT_HELLO_DB_NAME: "a/b",
      },
      data: {
        directory: "/var/lib/hello",
        resume: [
          "sh",
          "-euc",
          'exec serve --resume "$@"',
          "moat",
          "serve",
          "--listen",
          "0.0.0.0",
        ],
        template: false,
        seed: { load: ["sh", "-euc", 'exec hello-load "${HELLO_NAME}"', "moat"] },
      },
      host: {
        programs: ["hello-server"],
        script: 'exec hello-server --data "$DATA" --port "$PORT"',
      },
    }],
  });
  const own = plugin.contribute({ ...entry, version: "2" }, TARGET).services?.[0];
  assert.equal(own?.image, "example/hello:2");
});

/** A change to the good manifest, and the error's text. */
const BAD: readonly (readonly [name: string, from: string, to: string, expected: RegExp])[] = [
  ["a misspelled key", "ready_seconds", "ready_second", /"service\.ready_second".*no such key/],
  [
    "a port out of range",
    "port: 7000\n  env",
    "port: 70000\n  env",
    /"service\.port".*is not a port/,
  ],
  [
    "a probe that moat does not know",
    "kind: http",
    "kind: smtp",
    /"service\.ready.*is not a probe/,
  ],
  ["a probe's path with a space", "path: /health", 'path: "/he alth"', /is not a path/],
  [
    "a variable that is not the service's",
    "MOAT_HELLO_DB_NAME",
    "PATH",
    /"service\.variables\.PATH".*start with MOAT_HELLO_DB_/,
  ],
  [
    "a variable of the server that is not there",
    "{env.HELLO_NAME}",
    "{env.HELLO_NAM}",
    /the server has no variable HELLO_NAM/,
  ],
  ["an unknown placeholder", "{host}", "{hots}", /cannot be filled/],
  [
    "the password outside of files",
    "HELLO_NAME: world",
    'HELLO_NAME: "{password}"',
    /cannot be filled/,
  ],
  ["a placeholder in a script", '--resume "$@"', "--resume {version}", /holds a placeholder/],
  [
    "a relative path",
    "path: /run/moat/password\n",
    "path: run/password\n",
    /is not an absolute path/,
  ],
  ["a program with a path", "[hello-server]", "[/bin/hello]", /is not a program/],
  ["a tool with a server", "category: service", "category: tool", /which only services have/],
  ["an image with a space", "example/hello:", "example/hel lo:", /is not an image/],
];

for (const [name, from, to, expected] of BAD) {
  Deno.test(`readManifest() refuses a service with ${name}, with its place`, async () => {
    assert(GOOD.includes(from), `the good manifest has no ${from}`);
    await assert.rejects(read(GOOD.replace(from, to)), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, expected);
      assert.match(error.message, /\.yaml:\d+:\d+: /);
      return true;
    });
  });
}
