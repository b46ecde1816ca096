/** Pages lead to files that exist, and no file names a machine that only some people have. */

import { has } from "./helpers/machine.ts";
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { loadProjectConfig } from "../core/config/load_project_config.ts";
import { readManifest } from "../core/plugin/read_manifest.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");

/** In parts, so that this file is not found by its own search. */
const FOREIGN: readonly (readonly string[])[] = [
  // Places on the machines of people who work on moat.
  ["/wo", "rk/"],
  ["/tmp", "/w/"],
  // Hosts of registries: a project or an image's own tools choose those.
  ["registry.npmjs", ".org"],
  ["proxy.golang", ".org"],
  ["sum.golang", ".org"],
  ["deb.debian", ".org"],
  ["pypi", ".org"],
  ["crates", ".io"],
  ["jsr", ".io"],
  ["127.0.0.1:", "5000"],
];

/** Not written by hand: names of packages come from where they were locked. */
const MADE = ["deno.lock"];

const files = await trackedFiles();

Deno.test("every relative link on a page leads to a file", async () => {
  const pages = files.filter((file) => file.endsWith(".md"));
  assert(pages.includes("README.md"));
  const broken: string[] = [];
  for (const page of pages) {
    for (const target of linksIn(await Deno.readTextFile(join(ROOT, page)))) {
      const path = join(ROOT, dirname(page), target);
      if (!await exists(path)) broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("every file that a page shows can be read", async () => {
  const folder = await Deno.makeTempDir({ prefix: "moat-pages-" });
  let shown = 0;
  try {
    for (const page of files.filter((file) => /^(README|docs\/).*\.md$/.test(file))) {
      const text = await Deno.readTextFile(join(ROOT, page));
      for (const [, yaml = ""] of text.matchAll(/^```yaml\n([^]*?)^```/gm)) {
        const isManifest = /^schema: 1$/m.test(yaml);
        await Deno.writeTextFile(join(folder, isManifest ? "moat-plugin.yaml" : "moat.yaml"), yaml);
        if (isManifest) await readManifest(join(folder, "moat-plugin.yaml"));
        else await loadProjectConfig(folder);
        shown++;
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert(shown >= 4, `only ${shown} were found`);
});

Deno.test("linksIn() finds relative links, without their headings", () => {
  const text =
    "[a](docs/a.md#top) [b](https://b.example) [c](#here)\n```\n[d](d.md)\n```\n[e](e.md)";
  assert.deepEqual(linksIn(text), ["docs/a.md", "e.md"]);
});

Deno.test("no file names a registry's host or a path of one machine", async () => {
  const names = FOREIGN.map((parts) => parts.join(""));
  const found: string[] = [];
  for (const file of files.filter((file) => !MADE.includes(file))) {
    const text = await readText(file);
    for (const name of names.filter((name) => text.includes(name))) found.push(`${file}: ${name}`);
  }
  assert.deepEqual(found, []);
});

/** Files of the repository, or, where it is a plain directory, all but what is made from them. */
async function trackedFiles(): Promise<readonly string[]> {
  if (!has("git")) return await Array.fromAsync(walk(""));
  const { success, stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: ROOT,
    stderr: "null",
  }).output();
  if (!success) return await Array.fromAsync(walk(""));
  const names = new TextDecoder().decode(stdout).split("\0").filter((name) => name !== "");
  const present = await Promise.all(names.map((name) => exists(join(ROOT, name))));
  return names.filter((_, index) => present[index]);
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(ROOT, folder))) {
    if ([".git", "dist", "node_modules"].includes(name)) continue;
    if (isDirectory) yield* walk(join(folder, name));
    else if (isFile) yield join(folder, name);
  }
}

function linksIn(text: string): string[] {
  const prose = text.replaceAll(/^```[^]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    const path = target.replace(/#.*$/, "");
    return path === "" || /^[a-z]+:/.test(path) ? [] : [path];
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(join(ROOT, file));
  } catch (error) {
    // A link's end may be missing in a copy; bytes that are no text are replaced.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) {
      return "";
    }
    throw error;
  }
}
