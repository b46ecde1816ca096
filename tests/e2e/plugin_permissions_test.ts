/** What a plugin that is code may do with each permission, and what it may not all the same. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { createHomeId } from "../../core/ids.ts";
import { type CodeSandbox, codeSandboxSpec } from "../../core/plugin/code/code_sandbox.ts";
import type { ManifestPermissions } from "../../core/plugin/permissions.ts";
import { findProgram } from "../../runtimes/local/find_program.ts";
import { openLocalRuntime } from "../../runtimes/local/local_runtime.ts";
import { LOCAL_BACKENDS } from "../helpers/local_subject.ts";
import { requires } from "../helpers/machine.ts";
import { type Outcome, TestHome } from "../helpers/moat.ts";
import { openOutside, startServer } from "../helpers/network_namespace.ts";

Deno.test({
  name: "permission net: the declared server is reached, and nothing else is",
  ...requires("linux", "root"),
  async fn() {
    await using outside = await openOutside();
    await using server = await startServer("hello from outside", outside);
    await using other = await startServer("another server", outside);
    await using own = await startServer("a server of this machine");
    await using home = await TestHome.create();
    const place = (port: number, host = outside.address) => `http://${host}:${port}/`;
    const places = [
      place(server.port),
      place(other.port),
      place(own.port, "127.0.0.1"),
      place(own.port, outside.hostAddress),
      place(server.port, "somewhere.example"),
    ];
    const tcp = { hostname: outside.address, port: server.port };
    await write(home, {
      permissions: { net: [`${outside.address}:${server.port}`] },
      module: `export async function contribute() {
        const said = [];
        for (const place of ${JSON.stringify(places)}) {
          said.push(await fetch(place).then((answer) => answer.text(), (error) => error.name));
        }
        said.push(await Deno.connect(${
        JSON.stringify(tcp)
      }).then(() => "tcp", (error) => error.name));
        throw new Error(said.map((text) => text.trim()).join("; "));
      }`,
    });
    const added = await home.moat(["plugin", "add", "./hello", "--yes"]);
    assert.match(added.stderr, /in a sandbox; connects to 198\.\S+:\d+$/m);
    const { stderr } = await plan(home);
    assert.match(
      stderr,
      /: hello from outside; NotCapable; NotCapable; NotCapable; NotCapable; \w+$/m,
    );
    // A proxy is all that there is: a connection of its own leads nowhere.
    assert.doesNotMatch(stderr, /tcp/);
    assert.deepEqual([other.seen(), own.seen()], [[], []]);
  },
});

Deno.test({
  name: "permission write: a directory of its own that stays, and nothing else is written",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    const outside = join(home.directory, "outside");
    await write(home, {
      permissions: { write: ["cache"] },
      module: `export function contribute() {
        const attempt = (act) => { try { return act() ?? "done"; } catch (error) { return error.name; } };
        const count = attempt(() => Deno.readTextFileSync("/cache/count"));
        Deno.writeTextFileSync("/cache/count", String(Number(count) + 1 || 1));
        const others = ["/plugin/x", "/tmp/x", "/usr/x", ${JSON.stringify(outside)}, "/cache/../x"];
        throw new Error([count, ...others.map((path) => attempt(() => Deno.writeTextFileSync(path, "x")))].join("; "));
      }`,
    });
    await home.ok(["plugin", "add", "./hello", "--yes"]);
    const none = Array.from({ length: 5 }, () => "NotCapable").join("; ");
    assert.match((await plan(home)).stderr, new RegExp(`: NotFound; ${none}$`, "m"));
    assert.match((await plan(home)).stderr, new RegExp(`: 1; ${none}$`, "m"));
    const [digest = ""] = await names(join(home.home, "store/plugin-caches"));
    assert.deepEqual(await names(join(home.home, "store/plugin-caches", digest)), ["count"]);
    await assert.rejects(Deno.lstat(outside), Deno.errors.NotFound);
    // What grows without end is not kept.
    const file = join(home.home, "store/plugin-caches", digest, "large");
    await Deno.writeFile(file, new Uint8Array());
    await Deno.truncate(file, 65 * 1024 * 1024);
    await plan(home);
    assert.match((await plan(home)).stderr, /: NotFound; /);
  },
});

Deno.test({
  name: "permission run: the named programs run, in the sandbox, and no others",
  ...requires("linux"),
  async fn() {
    const tools = await Deno.makeTempDir({ prefix: "moat-tools-" });
    try {
      for (
        const [name, text] of [["greet", "echo hello"], ["secret-tool", "echo secret"]] as const
      ) {
        await Deno.writeTextFile(join(tools, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      }
      await using home = await TestHome.create({ PATH: `${tools}:${Deno.env.get("PATH")}` });
      await write(home, {
        permissions: { run: ["greet", "sh", "not-there"] },
        module: `export function contribute() {
          const run = (name, ...args) => {
            try {
              const { stdout } = new Deno.Command(name, { args }).outputSync();
              return new TextDecoder().decode(stdout).trim();
            } catch (error) { return error.name; }
          };
          throw new Error([
            run("greet"),
            run("sh", "-c", "cat ${tools}/greet ${home.home}/store/* 2>&1 | grep -c 'No such'; true"),
            run("sh", "-c", "${tools}/secret-tool 2>/dev/null || secret-tool 2>/dev/null || echo none"),
            run("perl", "-e", "print 1"),
            run("not-there"),
          ].join("; "));
        }`,
      });
      await home.ok(["plugin", "add", "./hello", "--yes"]);
      const { stderr } = await plan(home);
      assert.match(stderr, /: hello; 2; none; NotCapable; \w+$/m);
    } finally {
      await Deno.remove(tools, { recursive: true });
    }
  },
});

Deno.test({
  name: "a plugin is ended from outside when all its processes have too much memory together",
  ...requires("linux"),
  async fn() {
    await using home = await TestHome.create();
    await write(home, {
      permissions: { run: ["perl"] },
      // Its own process stays small: what is inside would see nothing.
      module: `export function contribute() {
        for (let left = 3; left > 0; left--) {
          new Deno.Command("perl", { args: ["-e", '$all = "x" x 100e6; sleep 100'] }).spawn();
        }
        return new Promise(() => {});
      }`,
    });
    await home.ok(["plugin", "add", "./hello", "--yes"]);
    const { code, stderr } = await plan(home);
    assert.equal(code, 125);
    assert.match(stderr, /Cannot use plugin "hello": it uses more than 256 MiB of memory/);
  },
});

Deno.test("permissions are in the lock, in info and in what an update says, also as JSON", async () => {
  await using home = await TestHome.create();
  const module = "export const contribute = () => ({});";
  await write(home, { permissions: { env: ["LANG"] }, module });
  const added = JSON.parse(await home.ok(["plugin", "add", "./hello", "--yes", "--json"]));
  assert.deepEqual(added.permissions, { env: ["LANG"] });
  const lock = join(home.project, "moat.lock");
  assert.match(await Deno.readTextFile(lock), /permissions:\n +env:\n +- LANG\n/);
  const info = JSON.parse(await home.ok(["plugin", "info", "hello", "--json"]));
  assert.deepEqual(info.permissions, { env: ["LANG"] });
  assert.match(await home.ok(["plugin", "info", "hello"]), /^may +runs code on this machine/m);

  const more = { env: ["LANG"], net: ["api.example.org"], run: ["git"], write: ["cache"] } as const;
  await write(home, { permissions: more, module });
  const update = await home.moat(["plugin", "update", "--yes", "--json"]);
  assert.match(update.stderr, /^May .*connects to api\.example\.org:443; keeps files.*; runs git/m);
  assert.match(update.stderr, /^Before .*without a network; gets the variables LANG$/m);
  assert.deepEqual(JSON.parse(update.stdout)[0].permissions, { from: { env: ["LANG"] }, to: more });
  const back = JSON.parse(await home.ok(["plugin", "rollback", "hello", "--json"]));
  assert.deepEqual(back.permissions.to, { env: ["LANG"] });

  const text = await Deno.readTextFile(lock);
  await Deno.writeTextFile(lock, text.replace("- LANG", "- HOME"));
  const { stderr } = await plan(home);
  assert.match(stderr, /"hello": moat\.lock has other permissions for it than its manifest/);
});

Deno.test("a permission that nobody enforces is refused by its place in the manifest", async () => {
  await using home = await TestHome.create();
  for (
    const [permission, message] of [
      ["ffi: [/lib/x.so]", /:10:\d+: Cannot read "permissions\.ffi"/],
      ["net: ['*']", /"permissions\.net\[0\]": "\*" is not a server/],
      ["net: [localhost]", /"permissions\.net\[0\]": "localhost" is not a server/],
      ["write: [/etc]", /"permissions\.write\[0\]": .*is not a place that a plugin may write/],
      ["run: [/bin/sh]", /"permissions\.run\[0\]": "\/bin\/sh" is not a program/],
    ] as const
  ) {
    await write(home, { permissions: {}, module: "", more: `permissions: { ${permission} }\n` });
    const { code, stderr } = await home.moat(["plugin", "add", "./hello", "--yes"]);
    assert.deepEqual([permission, code === 0], [permission, false]);
    assert.match(stderr, message);
  }
});

/** The sandbox by itself: a program that asks nobody for permission. */
for (const { backend, needs } of LOCAL_BACKENDS) {
  Deno.test({
    name: `the sandbox of plugins gives what is declared by itself: ${backend}`,
    ...requires("linux", "root", ...needs),
    async fn() {
      await using outside = await openOutside();
      await using server = await startServer("hello from outside", outside);
      await using other = await startServer("another server", outside);
      await using home = await TestHome.create();
      const [directory, cache] = [join(home.directory, "plugin"), join(home.directory, "cache")];
      for (const path of [directory, cache]) await Deno.mkdir(path);
      const said = await inSandbox(backend, {
        home,
        sandbox: {
          directory,
          cache,
          permissions: { net: [`${outside.address}:${server.port}`], write: ["cache"] },
        },
        command: [
          "/bin/bash",
          "-c",
          SPY,
          "spy",
          outside.address,
          String(server.port),
          String(other.port),
        ],
      });
      assert.equal(said, "declared:200 other:403 direct:no cache plugin:no usr:no moat:no\n");
      assert.deepEqual(await names(cache), ["written"]);
      assert.deepEqual(other.seen(), []);
    },
  });
}

/** Says what it reached: servers by the proxy, servers directly, files. */
const SPY = `
  ask() {
    exec 3<>/dev/tcp/127.0.0.1/\${http_proxy##*:} || return
    printf 'CONNECT %s HTTP/1.1\\r\\n\\r\\n' "$1" >&3
    read -r _ status _ <&3
    echo "$status"
    exec 3>&-
  }
  said="declared:$(ask "$1:$2") other:$(ask "$1:$3")"
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null && said="$said direct:yes" || said="$said direct:no"
  echo x 2>/dev/null >/cache/written && said="$said cache"
  for place in plugin usr moat; do
    (echo x >"/$place/written") 2>/dev/null && said="$said $place:yes" || said="$said $place:no"
  done
  echo "$said"`;

async function inSandbox(
  backend: "bubblewrap" | "unshare",
  { home, sandbox, command }: {
    readonly home: TestHome;
    readonly sandbox: CodeSandbox;
    readonly command: readonly string[];
  },
): Promise<string> {
  const env = Deno.env.toObject();
  await using runtime = openLocalRuntime({
    os: "linux",
    arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    env,
    stateDir: join(home.directory, "sandboxes"),
    home: createHomeId(),
  }, { backend, bubblewrap: findProgram("bwrap", env) ?? "" });
  const spec = {
    ...await codeSandboxSpec(sandbox, { self: [Deno.execPath()], env }),
    command,
  };
  await runtime.create(spec);
  try {
    const attachment = await runtime.start(spec);
    assert(attachment !== undefined);
    let said = "";
    for await (const { stream, data } of attachment.output) {
      if (stream === "stdout") said += new TextDecoder().decode(data);
    }
    return said;
  } finally {
    await runtime.remove({ kind: "container", name: spec.name });
  }
}

async function plan(home: TestHome): Promise<Outcome> {
  return await home.moat(["plan", "--runtime", "local"]);
}

async function write(
  home: TestHome,
  { permissions, module, more = "" }: {
    readonly permissions: ManifestPermissions;
    readonly module: string;
    readonly more?: string;
  },
): Promise<void> {
  const lines = Object.keys(permissions).length === 0
    ? more
    : `permissions: ${JSON.stringify(permissions)}\n${more}`;
  await Deno.mkdir(join(home.project, "hello"), { recursive: true });
  await home.write("hello/moat-plugin.yaml", `${MANIFEST}${lines}`);
  await home.write("hello/plugin.js", module);
}

const MANIFEST = `schema: 1
kind: dependency
id: hello
version: "1.0.0"
summary: Says hello
category: tool
commands: [sh]
entry: plugin.js
contract: 1
`;

async function names(directory: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}
