/** Runs the scripts for real, on files of this machine in place of addresses. */
import assert from "node:assert/strict";
import type { DownloadCheck, Layer } from "../plugin/contribution.ts";
import { downloadPackages, downloadScript } from "./download_script.ts";

type Archive = Extract<Layer, { readonly kind: "download" }>["archive"];

const HAS_TOOLS = ["curl", "tar", "xz", "sha256sum"].every((program) => {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});

async function shell(script: string, cwd: string): Promise<string> {
  const { success, stdout } = await new Deno.Command("sh", { args: ["-euc", script], cwd })
    .output();
  assert(success, script);
  return new TextDecoder().decode(stdout).trim();
}

/** Packs a program, downloads it, and says what was installed, or why not. */
async function download(
  archive: Archive,
  check: (file: { readonly sum: string; readonly place: string }) => DownloadCheck,
): Promise<{ readonly installed: string | undefined; readonly error: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const pack = {
      "none": "printf hello > file",
      "tar.gz": "mkdir d; printf hello > d/tool; tar -czf file d",
      "tar.xz": "mkdir d; printf hello > d/tool; tar -cJf file d",
      "zip": "mkdir d; printf hello > d/tool; zip -qr file.zip d; mv file.zip file",
    }[archive];
    await shell(pack, folder);
    const sum = (await shell("sha256sum file", folder)).split(" ")[0] ?? "";
    await Deno.writeTextFile(`${folder}/list`, `${"0".repeat(64)}  other\n${sum} *./file\n`);
    await Deno.writeTextFile(`${folder}/bsd`, `MD5 (file) = 1\nSHA256 (file) = ${sum}\n`);
    await Deno.writeTextFile(`${folder}/bare`, `${sum}\n`);
    await Deno.writeTextFile(`${folder}/twice`, `${sum}  file\n${sum}  file\n`);
    await Deno.writeTextFile(`${folder}/wrong`, `${"0".repeat(64)}  file\n`);
    const place = `file://${folder}`;
    const target = `${folder}/bin/tool`;
    const { script, env, words } = downloadScript({
      kind: "download",
      group: "binary",
      url: `${place}/file`,
      check: check({ sum, place }),
      archive,
      install: [{ from: "d/tool", to: target }],
    });
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-euc", script, "sh", ...words],
      env: { ...env, TMPDIR: folder },
    }).output();
    const installed = success ? await Deno.readTextFile(target) : undefined;
    if (success) assert.equal((await Deno.stat(target)).mode, 0o100755);
    return { installed, error: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sums(format: "list" | "bsd" | "bare", file: string = format) {
  return ({ place }: { readonly place: string }): DownloadCheck => ({
    kind: "sums",
    url: `${place}/${file}`,
    format,
    name: "file",
  });
}

const GOOD: readonly (readonly [string, Archive, Parameters<typeof download>[1]])[] = [
  ["a pinned archive", "tar.gz", ({ sum }) => ({ kind: "sha256", sha256: sum })],
  ["a pinned file", "none", ({ sum }) => ({ kind: "sha256", sha256: sum })],
  ["an archive without sums", "tar.xz", () => ({ kind: "none" })],
  ["sums as a list", "tar.gz", sums("list")],
  ["sums of BSD's form", "tar.gz", sums("bsd")],
  ["a sum alone", "none", sums("bare")],
];

for (const [name, archive, check] of GOOD) {
  Deno.test({
    name: `downloadScript() installs ${name}`,
    ignore: !HAS_TOOLS,
    async fn() {
      const { installed, error } = await download(archive, check);
      assert.equal(installed, "hello", error);
    },
  });
}

const BAD: readonly (readonly [string, Parameters<typeof download>[1], RegExp])[] = [
  ["another pin", () => ({ kind: "sha256", sha256: "0".repeat(64) }), /did NOT match/],
  ["another sum in the list", sums("list", "wrong"), /did NOT match/],
  ["two sums in the list", sums("list", "twice"), /names no single sum of file/],
  ["no sum in the list", sums("list", "bare"), /names no single sum of file/],
  ["no sum of BSD's form", sums("bsd", "list"), /names no single sum of file/],
  ["sums that are not there", sums("bare", "absent"), /./],
];

for (const [name, check, expected] of BAD) {
  Deno.test({
    name: `downloadScript() installs nothing with ${name}`,
    ignore: !HAS_TOOLS,
    async fn() {
      const { installed, error } = await download("tar.gz", check);
      assert.equal(installed, undefined);
      assert.match(error, expected);
    },
  });
}

Deno.test("downloadPackages() names the Debian packages that it needs", () => {
  const needed = (archive: Archive) =>
    downloadPackages({
      kind: "download",
      group: "binary",
      url: "https://example.org/x",
      check: { kind: "none" },
      archive,
      install: [],
    });
  assert.deepEqual(needed("none"), ["curl"]);
  assert.deepEqual(needed("zip"), ["curl", "unzip"]);
  assert.deepEqual(needed("tar.xz"), ["curl", "xz-utils"]);
});
