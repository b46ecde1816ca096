import assert from "node:assert/strict";
import { join } from "node:path";
import { TestHome } from "../helpers/moat.ts";
import { packPlugin, serveIndex, type TestIndex } from "../helpers/plugin_index.ts";

Deno.test("a plugin of a signed index is found, added by name, updated and withdrawn", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  assert.match(await home.ok(["plugin", "search", "hello"]), /hello +0\.1\.0 /);
  const adding = await home.moat(["plugin", "add", "hello", "--yes", "--json"]);
  assert.ok(adding.stderr.includes(`hello@0.1.0 of ${index.location}\n`), adding.stderr);
  const added = JSON.parse(adding.stdout);
  assert.deepEqual([added.source, added.entry], ["hello@0.1.0", "hello"]);
  assert.match(
    await Deno.readTextFile(join(home.project, "moat.yaml")),
    /plugins:\n {2}- hello@0\.1\.0/,
  );

  const newer = await packPlugin(
    join(home.project, "hello"),
    (text) => text.replace("0.1.0", "0.2.0"),
  );
  const [oldest] = index.plugins.hello ?? [];
  assert.ok(oldest);
  index.plugins = { hello: [{ version: "0.2.0", archive: newer }, oldest] };
  assert.match(await home.ok(["plugin", "outdated"]), /hello 0\.1\.0 -> 0\.2\.0/);
  await home.ok(["plugin", "update", "--yes"]);
  await home.ok(["plugin", "verify"]);

  index.plugins = {
    hello: [{ version: "0.2.0", archive: newer, yanked: "it eats files" }, oldest],
  };
  assert.match(
    await home.ok(["plugin", "outdated"]),
    /hello 0\.2\.0 -> 0\.1\.0 \(0\.2\.0 was withdrawn: it eats files\)/,
  );
  const [outdated] = JSON.parse(await home.ok(["plugin", "outdated", "--json"]));
  assert.deepEqual([outdated.to, outdated.withdrawn], ["0.1.0", "it eats files"]);
  await Deno.remove(join(home.home, "store/plugins"), { recursive: true });
  const { code, stderr } = await home.moat(["plugin", "install", "--yes"]);
  assert.equal(code, 1);
  assert.match(stderr, /"hello@0\.2\.0": it was withdrawn: it eats files/);

  index.plugins = { hello: [{ version: "0.2.0", archive: newer, yanked: "it eats files" }] };
  const update = await home.moat(["plugin", "update", "--yes"]);
  assert.match(update.stderr, /All releases were withdrawn: 0\.2\.0: it eats files/);
});

Deno.test("each part of an index that was changed is refused by its own error, and nothing is kept", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  const flip = (body: Uint8Array<ArrayBuffer>, at: number) => {
    body = body.slice();
    body[at] = (body[at] ?? 0) ^ 1;
    return body;
  };
  for (
    const { title, tamper, message } of [
      {
        title: "index",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name === "index.json" ? edit(body, "Plugin hello", "Plugin hellO") : body,
        message: /its signature is not that of its key/,
      },
      {
        title: "signature",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name === "index.json.sig" ? flip(body, 3) : body,
        message: /its signature is not that of its key/,
      },
      {
        title: "no signature",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name === "index.json.sig" ? new Uint8Array() : body,
        message: /its signature is not that of its key/,
      },
      {
        title: "archive",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name.endsWith(".tgz") ? flip(body, 20) : body,
        message: /is not the one that the index lists/,
      },
      {
        title: "longer archive",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name.endsWith(".tgz") ? new Uint8Array([...body, 0]) : body,
        message: /holds more than \d+ bytes/,
      },
      {
        title: "no JSON",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name === "index.json" ? edit(body, "{", "[") : body,
        message: /it is not JSON/,
      },
      {
        title: "another shape",
        tamper: (name: string, body: Uint8Array<ArrayBuffer>) =>
          name === "index.json" ? edit(body, '"archive":"', '"archive":"../') : body,
        message: /plugins\.hello\.releases\.0\.archive is not as it must be/,
      },
    ]
  ) {
    index.tamper = tamper;
    const { code, stderr } = await home.moat(["plugin", "add", "hello", "--yes"]);
    assert.deepEqual([title, code], [title, 1], stderr);
    assert.match(stderr, message, title);
    await assert.rejects(Deno.lstat(join(home.home, "store/plugins")), Deno.errors.NotFound);
    await assert.rejects(Deno.lstat(join(home.project, "moat.lock")), Deno.errors.NotFound);
  }
});

Deno.test("an index that is signed with another key is refused until its user writes the key down", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  await home.ok(["plugin", "add", "hello", "--yes"]);
  await index.changeKey();
  const refused = await home.moat(["plugin", "update", "--yes"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /signed with another key than before/);
  const [key = ""] = /[A-Za-z0-9+/]{43}=/.exec(refused.stderr) ?? [];
  await configure(home, `registries: [{url: "${index.location}", key: "${key}"}]\n`);
  await home.ok(["plugin", "update", "--yes"]);
});

Deno.test("a release whose manifest asks for more than its index lists is refused", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  const archive = await packPlugin(
    join(home.project, "hello"),
    (text) =>
      `${
        text.replace(/^contribution:[^]*/m, "")
      }entry: plugin.js\ncontract: 1\npermissions: { env: [LANG] }\n`,
    { "plugin.js": "export const contribute = () => ({});" },
  );
  const add = () => home.moat(["plugin", "add", "hello", "--yes", "--json"]);
  for (const permissions of [undefined, { env: ["HOME"] }, { env: ["LANG", "HOME"] }]) {
    index.plugins = {
      hello: [{ version: "0.1.0", archive, ...(permissions && { permissions }) }],
    };
    const { code, stderr } = await add();
    assert.equal(code, 1);
    assert.match(stderr, /its manifest asks for other permissions than its index lists/);
    await assert.rejects(Deno.lstat(join(home.home, "store/plugins")), Deno.errors.NotFound);
  }
  index.plugins = { hello: [{ version: "0.1.0", archive, permissions: { env: ["LANG"] } }] };
  const [found] = JSON.parse(await home.ok(["plugin", "search", "hello", "--json"]));
  assert.deepEqual(found.permissions, { env: ["LANG"] });
  const { code, stdout, stderr } = await add();
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout).permissions, { env: ["LANG"] });
});

Deno.test("a release that is another plugin, or another version, is refused", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  const [release] = index.plugins.hello ?? [];
  assert.ok(release);
  index.plugins = { other: [release], hello: [{ ...release, version: "9.0.0" }] };
  for (const name of ["other", "hello"]) {
    const { stderr } = await home.moat(["plugin", "add", name, "--yes"]);
    assert.match(stderr, /its manifest says hello@0\.1\.0/);
  }
});

Deno.test("a name that looks like one of moat's is pointed out, one of moat's own cannot be taken", async () => {
  await using index = await serveIndex();
  await using home = await homeWith(index);
  const like = await packPlugin(
    join(home.project, "hello"),
    (text) => text.replaceAll("hello", "rigrep"),
  );
  const same = await packPlugin(
    join(home.project, "hello"),
    (text) => text.replaceAll("hello", "ripgrep"),
  );
  index.plugins = {
    rigrep: [{ version: "0.1.0", archive: like }],
    ripgrep: [{ version: "0.1.0", archive: same }],
  };
  const { stderr } = await home.moat(["plugin", "add", "rigrep"]);
  assert.match(stderr, /Beware +its name looks like "ripgrep"/);
  const own = JSON.parse(await home.ok(["plugin", "add", "ripgrep", "--yes", "--json"]));
  assert.equal(own.source, "builtin");
});

async function homeWith(index: TestIndex): Promise<TestHome> {
  const home = await TestHome.create();
  await home.ok(["plugin", "create", "hello"]);
  index.plugins = {
    hello: [{ version: "0.1.0", archive: await packPlugin(join(home.project, "hello")) }],
  };
  await configure(home, `registries: ["${index.location}"]\n`);
  return home;
}

async function configure(home: TestHome, text: string): Promise<void> {
  await Deno.mkdir(home.home, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(join(home.home, "config.yaml"), text);
}

function edit(body: Uint8Array<ArrayBuffer>, from: string, to: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(new TextDecoder().decode(body).replace(from, to));
}
