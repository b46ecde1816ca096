import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { packTar } from "../helpers/tar_archive.ts";
import { serveNpmPackages } from "../helpers/npm_registry.ts";

const PROJECT = `# The demo
name: demo # kept

dependencies: # what it needs
  # languages
  - jq   # json

env:
  A: 1 # last
`;

Deno.test("a plugin of moat is added offline; comments stay, twice changes nothing", async () => {
  await using home = await TestHome.create();
  await home.write("moat.yaml", PROJECT);
  const added = JSON.parse(await home.ok(["plugin", "add", "ripgrep", "--json"]));
  assert.deepEqual([added.id, added.source, added.changed], ["ripgrep", "builtin", true]);
  const written = await read(home, "moat.yaml");
  assert.equal(written, PROJECT.replace("# json\n", "# json\n  - ripgrep\n"));
  const lock = await read(home, "moat.lock");
  assert.match(lock, /^plugins:\n {2}ripgrep:\n {4}kind: dependency\n {4}source: builtin\n$/m);
  assert.equal(JSON.parse(await home.ok(["plugin", "add", "ripgrep", "--json"])).changed, false);
  assert.deepEqual([await read(home, "moat.yaml"), await read(home, "moat.lock")], [written, lock]);
  await home.ok(["plugin", "install", "--frozen"]);
  await home.ok(["plugin", "remove", "ripgrep"]);
  assert.equal(await read(home, "moat.yaml"), PROJECT);
});

Deno.test("an unknown name, a second version and a bad place change nothing", async () => {
  await using home = await TestHome.create();
  await home.write("moat.yaml", "dependencies: [node@20]\n");
  for (
    const { source, code, message } of [
      { source: "ripgrap", code: 2, message: /Did you mean "ripgrep"/ },
      { source: "node@22", code: 1, message: /asks for "node@20"/ },
      { source: "./nowhere", code: 1, message: /Cannot read plugin "\.\/nowhere"/ },
      { source: "x.tgz", code: 1, message: /Cannot read plugin "x\.tgz"/ },
      { source: "npm:../x", code: 2, message: /no npm package/ },
      { source: "https://example.org/x", code: 2, message: /no plugin's name or place/ },
    ]
  ) {
    const outcome = await home.moat(["plugin", "add", source, "--yes"]);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, message);
  }
  assert.equal(await read(home, "moat.yaml"), "dependencies: [node@20]\n");
  await assert.rejects(read(home, "moat.lock"), Deno.errors.NotFound);
});

Deno.test("a plugin of one's own: created, checked, accepted, used, updated, rolled back", async () => {
  await using home = await TestHome.create();
  await home.ok(["plugin", "create", "my-tool"]);
  assert.match((await home.moat(["plugin", "create", "postgres"])).stderr, /moat has a dependency/);
  assert.match(await home.ok(["plugin", "test", "my-tool"]), /, 0 failed\n$/);

  const refused = await home.moat(["plugin", "add", "./my-tool"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /my-tool 0\.1\.0[^]*nobody can be asked[^]*--yes/);
  await assert.rejects(read(home, "moat.lock"), Deno.errors.NotFound);

  await home.ok(["plugin", "add", "./my-tool", "--yes"]);
  assert.match(await home.ok(["plugin", "info", "my-tool"]), /summary +Says hello/);
  const plan = JSON.parse(
    await home.ok(["plan", "--runtime", "docker", "--json"], {
      env: { MOAT_NO_SANDBOX: "1" },
    }).catch(() => "null"),
  );
  if (plan !== null) assert.match(plan.image.dockerfile, /my-tool/);

  const manifest = join(home.project, "my-tool/moat-plugin.yaml");
  const text = await Deno.readTextFile(manifest);
  await Deno.writeTextFile(manifest, text.replace("0.1.0", "0.2.0"));
  assert.match(await home.ok(["plugin", "outdated"]), /my-tool 0\.1\.0 -> 0\.2\.0/);
  assert.equal((await home.moat(["plugin", "update"])).code, 1);
  await home.ok(["plugin", "update", "--yes"]);
  assert.deepEqual(await states(home), [["my-tool", "0.2.0", "ok"]]);
  await home.ok(["plugin", "rollback", "my-tool"]);
  assert.deepEqual(await states(home), [["my-tool", "0.1.0", "ok"]]);
});

/** Each region of an installed plugin, and a way to change it. */
const TAMPERINGS: readonly {
  readonly title: string;
  readonly tamper: (directory: string) => Promise<unknown>;
}[] = [
  { title: "a byte of its manifest", tamper: (to) => flip(join(to, "moat-plugin.yaml")) },
  { title: "a byte of its module", tamper: (to) => flip(join(to, "plugin.js")) },
  { title: "a byte of another file", tamper: (to) => flip(join(to, "README.md")) },
  { title: "a file more", tamper: (to) => Deno.writeTextFile(join(to, "more.js"), "") },
  {
    title: "a package beside it",
    tamper: async (to) => {
      await Deno.mkdir(join(to, "node_modules"));
      await Deno.writeTextFile(join(to, "node_modules/x.js"), "");
    },
  },
  { title: "a file less", tamper: (to) => Deno.remove(join(to, "README.md")) },
  { title: "no manifest", tamper: (to) => Deno.remove(join(to, "moat-plugin.yaml")) },
  {
    title: "another name",
    tamper: (to) => Deno.rename(join(to, "README.md"), join(to, "README2.md")),
  },
  {
    title: "a link to the same bytes",
    tamper: async (to) => {
      await Deno.rename(join(to, "plugin.js"), join(to, "..", "elsewhere.js"));
      await Deno.symlink("../elsewhere.js", join(to, "plugin.js"));
    },
  },
];

Deno.test("what was tampered with is refused, named, and mended only from the right files", async () => {
  await using home = await TestHome.create();
  await home.ok(["plugin", "create", "my-tool"]);
  const manifest = join(home.project, "my-tool/moat-plugin.yaml");
  const text = (await Deno.readTextFile(manifest)).replace(/^contribution:[^]*/m, "");
  await Deno.writeTextFile(manifest, `${text}entry: plugin.js\ncontract: 1\n`);
  await home.write("my-tool/plugin.js", "export const contribute = () => ({ apt: ['hello'] });");
  await home.ok(["plugin", "add", "./my-tool", "--yes"]);
  const [directory = ""] = await installed(home);
  const place = join(home.home, "store/plugins", directory);
  const files = async () => {
    const names = await Array.fromAsync(Deno.readDir(place), ({ name }) => name);
    return await Promise.all(
      names.sort().map(async (name) => [name, await Deno.readTextFile(join(place, name))]),
    );
  };
  const original = await files();
  for (const [index, { title, tamper }] of TAMPERINGS.entries()) {
    await tamper(place);
    const verify = await home.moat(["plugin", "verify", "--json"]);
    assert.deepEqual([title, verify.code], [title, 1], verify.stderr);
    assert.match(verify.stderr, /Cannot verify plugin "my-tool": its installed files were changed/);
    assert.equal(JSON.parse(verify.stdout)[0].state, "changed");
    if (index === 1) {
      const plan = await home.moat(["plan"]);
      assert.match(plan.stderr, /Cannot use plugin "my-tool": its installed files were changed/);
    }
    await home.ok(["plugin", "install", "--yes"]);
    assert.deepEqual(await files(), original, title);
  }

  // Another machine: the lock is there, the files are others.
  await Deno.remove(join(home.home, "store/plugins"), { recursive: true });
  const source = join(home.project, "my-tool/README.md");
  await Deno.writeTextFile(source, "changed");
  const other = await home.moat(["plugin", "install", "--yes"]);
  assert.match(other.stderr, /its files have the digest sha256:[0-9a-f]{64}, moat\.lock says/);
  assert.deepEqual(await installed(home), []);
});

Deno.test("a project cannot bring a plugin that its user did not accept", async () => {
  await using author = await TestHome.create();
  await author.ok(["plugin", "create", "my-tool"]);
  await author.ok(["plugin", "add", "./my-tool", "--yes"]);
  await using reader = await TestHome.create();
  const options = { cwd: author.project };
  const plan = await reader.moat(["plan"], options);
  assert.match(plan.stderr, /not installed on this machine[^]*moat plugin install/);
  const install = await reader.moat(["plugin", "install", "--frozen"], options);
  assert.match(install.stderr, /nobody can be asked/);
  await reader.ok(["plugin", "install", "--frozen", "--yes"], options);
  assert.deepEqual(await states(reader, options), [["my-tool", "0.1.0", "ok"]]);
});

Deno.test("frozen, moat.lock must be what moat.yaml asks for", async () => {
  await using home = await TestHome.create();
  await home.ok(["plugin", "create", "my-tool"]);
  await home.write("moat.yaml", "plugins: [./my-tool]\n");
  const missing = await home.moat(["plugin", "install", "--yes"], { env: { CI: "true" } });
  assert.deepEqual([missing.code, /it is frozen/.test(missing.stderr)], [1, true]);
  await home.ok(["plugin", "install", "--yes"]);
  await home.ok(["plugin", "install"], { env: { CI: "true" } });
  await home.write("moat.yaml", "name: demo\n");
  const surplus = await home.moat(["plugin", "install", "--frozen"]);
  assert.match(surplus.stderr, /moat\.yaml does not name it/);
});

Deno.test({
  name: "an npm package is fetched by npm, pinned, updated, and refused when its bytes differ",
  ...requires("linux"),
  fn: async () => {
    await using home = await TestHome.create();
    await home.ok(["plugin", "create", "hello-plugin"]);
    const manifest = join(home.project, "hello-plugin/moat-plugin.yaml");
    const text = await Deno.readTextFile(manifest);
    await using registry = await serveNpmPackages();
    await registry.publish(join(home.project, "hello-plugin"), {
      name: "moat-hello",
      version: "1.0.0",
    });
    const env = {
      npm_config_fetch_retries: "0",
      npm_config_registry: registry.url,
      npm_config_cache: join(home.directory, "npm"),
    };
    const added = JSON.parse(
      await home.ok(["plugin", "add", "npm:moat-hello", "--yes", "--json"], { env }),
    );
    assert.deepEqual([added.source, added.version], ["npm:moat-hello@1.0.0", "0.1.0"]);
    await Deno.writeTextFile(manifest, text.replace("0.1.0", "0.3.0"));
    await registry.publish(join(home.project, "hello-plugin"), {
      name: "moat-hello",
      version: "1.1.0",
    });
    await home.ok(["plugin", "update", "--yes"], { env });
    assert.match(await read(home, "moat.yaml"), /npm:moat-hello@1\.1\.0/);

    await Deno.remove(join(home.home, "store/plugins"), { recursive: true });
    registry.tamper = true;
    const tampered = await home.moat(["plugin", "install", "--yes"], {
      env: { ...env, npm_config_cache: join(home.directory, "npm2") },
    });
    assert.equal(tampered.code, 1);
    assert.match(tampered.stderr, /Cannot fetch plugin "npm:moat-hello@1\.1\.0"/);
    assert.deepEqual(await installed(home), []);

    const without = await home.moat(["plugin", "install", "--yes"], {
      env: { ...env, PATH: "/nowhere" },
    });
    assert.match(without.stderr, /npm is not installed/);
  },
});

Deno.test("what is no plugin is refused before anything of it is on disk", async () => {
  await using home = await TestHome.create();
  const manifest = { name: "package/moat-plugin.yaml", content: SMALL_MANIFEST };
  const archives = {
    upwards: [manifest, { name: "package/../../../evil", content: "x" }],
    absolute: [manifest, { name: "/tmp/moat-evil", content: "x" }],
    link: [manifest, { name: "package/link", type: "2" }],
    bomb: [manifest, { name: "package/bomb", content: new Uint8Array(64 * 1024 * 1024) }],
    many: [manifest, ...Array.from({ length: 1000 }, (_, i) => ({ name: `package/${i}` }))],
  };
  for (const [title, entries] of Object.entries(archives)) {
    await Deno.writeFile(join(home.project, `${title}.tgz`), await packTar(entries));
  }
  await Deno.mkdir(join(home.project, "linked"));
  await home.write("linked/moat-plugin.yaml", SMALL_MANIFEST);
  await Deno.symlink("/etc/passwd", join(home.project, "linked/README.md"));
  for (const source of [...Object.keys(archives).map((title) => `./${title}.tgz`), "./linked"]) {
    const { code, stderr } = await home.moat(["plugin", "add", source, "--yes"]);
    assert.deepEqual([source, code], [source, 1], stderr);
    assert.match(stderr, /Cannot use plugin "/);
  }
  assert.deepEqual(await installed(home), []);
  await assert.rejects(read(home, "moat.lock"), Deno.errors.NotFound);
  await assert.rejects(Deno.lstat("/tmp/moat-evil"), Deno.errors.NotFound);
});

Deno.test("every command of plugins prints JSON", async () => {
  await using home = await TestHome.create();
  const json = async (...args: readonly string[]) =>
    JSON.parse(await home.ok(["plugin", ...args, "--json"]));
  assert.equal((await json("create", "my-tool")).directory, join(home.project, "my-tool"));
  assert.ok((await json("test", "my-tool")).length > 5);
  assert.equal((await json("add", "./my-tool", "--yes")).id, "my-tool");
  assert.equal((await json("install"))[0].state, "ok");
  assert.equal((await json("list"))[0].version, "0.1.0");
  assert.equal((await json("info", "my-tool")).id, "my-tool");
  assert.deepEqual(await json("outdated"), []);
  const manifest = await read(home, "my-tool/moat-plugin.yaml");
  await home.write("my-tool/moat-plugin.yaml", manifest.replace("0.1.0", "0.2.0"));
  assert.equal((await json("update", "--yes"))[0].to, "0.2.0");
  assert.equal((await json("rollback", "my-tool")).to, "0.1.0");
  assert.equal((await json("verify"))[0].state, "ok");
  assert.deepEqual((await json("remove", "my-tool")).entries, ["my-tool", "./my-tool"]);
  assert.equal((await json("search", "ripgrep"))[0].id, "ripgrep");
});

async function flip(file: string): Promise<void> {
  const bytes = await Deno.readFile(file);
  bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
  await Deno.writeFile(file, bytes);
}

const SMALL_MANIFEST = `schema: 1
kind: dependency
id: hello
version: "1.0.0"
summary: Says hello
category: tool
`;

async function read(home: TestHome, file: string): Promise<string> {
  return await Deno.readTextFile(join(home.project, file));
}

async function states(
  home: TestHome,
  options: { readonly cwd?: string } = {},
): Promise<readonly string[][]> {
  const plugins: { id: string; version: string; state: string }[] = JSON.parse(
    await home.ok(["plugin", "list", "--json"], options),
  );
  return plugins.map(({ id, version, state }) => [id, version, state]);
}

async function installed(home: TestHome): Promise<readonly string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(join(home.home, "store/plugins"))))
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
