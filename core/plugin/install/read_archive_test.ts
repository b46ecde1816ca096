import assert from "node:assert/strict";
import { gzip, tar, type TarEntry } from "../../../tests/helpers/tar_archive.ts";
import { digestOf, type PluginFiles } from "./plugin_package.ts";
import { readPluginArchive } from "./read_archive.ts";

const MANIFEST = "schema: 1\n";

Deno.test("an archive as npm packs it, and one as tar does, hold the same plugin", async () => {
  const npm = await read([
    { name: "package/moat-plugin.yaml", content: MANIFEST },
    { name: "package/lib/a.js", content: "1" },
  ]);
  const ofTar = await read([
    { name: "./", type: "5" },
    { name: "./lib/", type: "5" },
    { name: "./lib/a.js", content: "1" },
    { name: "./moat-plugin.yaml", content: MANIFEST },
  ]);
  assert.deepEqual([...npm.keys()].sort(), ["lib/a.js", "moat-plugin.yaml"]);
  assert.equal(digestOf(npm), digestOf(ofTar));
});

Deno.test("a byte more, and another name, are another digest", async () => {
  const digests = new Set<string>();
  for (const [name, content] of [["a", "1"], ["a", "2"], ["b", "1"], ["a", "11"], ["a1", ""]]) {
    digests.add(digestOf(
      await read([
        { name: "p/moat-plugin.yaml", content: MANIFEST },
        { name: `p/${name}`, content: content ?? "" },
      ]),
    ));
  }
  assert.equal(digests.size, 5);
});

const manifest: TarEntry = { name: "p/moat-plugin.yaml", content: MANIFEST };

for (
  const { title, entries, state } of [
    { title: "a path upwards", entries: [manifest, { name: "p/../x" }], state: /leaves its dir/ },
    { title: "an absolute path", entries: [manifest, { name: "/etc/x" }], state: /leaves its dir/ },
    { title: "a link", entries: [manifest, { name: "p/x", type: "2" }], state: /neither file nor/ },
    {
      title: "a hard link",
      entries: [manifest, { name: "p/x", type: "1" }],
      state: /neither file/,
    },
    { title: "a device", entries: [manifest, { name: "p/x", type: "3" }], state: /neither file/ },
    { title: "a pax header", entries: [{ name: "x", type: "x" }, manifest], state: /neither file/ },
    { title: "a file twice", entries: [manifest, manifest], state: /twice/ },
    {
      title: "a file twice but for case",
      entries: [manifest, { name: "p/A" }, { name: "p/a" }],
      state: /twice/,
    },
    { title: "no manifest", entries: [{ name: "p/x" }], state: /no moat-plugin\.yaml/ },
    { title: "nothing", entries: [], state: /no moat-plugin\.yaml/ },
    { title: "a space in a name", entries: [manifest, { name: "p/a b" }], state: /the path/ },
    { title: "a hidden file", entries: [manifest, { name: "p/.npmrc" }], state: /the path/ },
    { title: "a wrong sum", entries: [{ ...manifest, sum: 1 }], state: /damaged/ },
    {
      title: "too many files",
      entries: [manifest, ...Array.from({ length: 200 }, (_, i) => ({ name: `p/${i}` }))],
      state: /more than 200 files/,
    },
    {
      title: "much that packs small",
      entries: [manifest, { name: "p/bomb", content: new Uint8Array(40 * 1024 * 1024) }],
      state: /unpacks to more/,
    },
  ] satisfies readonly {
    readonly title: string;
    readonly entries: readonly TarEntry[];
    readonly state: RegExp;
  }[]
) {
  Deno.test(`an archive with ${title} is refused`, async () => {
    await assert.rejects(read(entries), { name: "MoatError", message: state });
  });
}

Deno.test("an archive that is cut off, or none, is refused", async () => {
  const whole = tar([manifest]);
  for (const length of [512, 520, 1024]) {
    await assert.rejects(gzip(whole.subarray(0, length)).then(readBytes), /cut off/);
  }
  await assert.rejects(readBytes(new TextEncoder().encode("no archive")), /no gzip archive/);
  const packed = await gzip(whole);
  await assert.rejects(readBytes(packed.subarray(0, packed.length - 12)), /no gzip archive/);
});

async function read(entries: readonly TarEntry[]): Promise<PluginFiles> {
  return await readBytes(await gzip(tar(entries)));
}

function readBytes(bytes: Uint8Array): Promise<PluginFiles> {
  return readPluginArchive(bytes, "test.tgz");
}
