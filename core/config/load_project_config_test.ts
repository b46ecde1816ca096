import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import { loadProjectConfig } from "./load_project_config.ts";

const FIXTURES = join(import.meta.dirname ?? ".", "../../tests/fixtures/config");
const UPDATE = Deno.args.includes("--update");

/** A fixture is a file, a line of ten dashes, and what comes of it. */
async function compare(path: string, render: (yaml: string) => Promise<string>): Promise<void> {
  const [yaml = "", expected] = (await Deno.readTextFile(path)).split(/^-{10}\n/m);
  const actual = await render(yaml);
  if (UPDATE) await Deno.writeTextFile(path, `${yaml}${"-".repeat(10)}\n${actual}`);
  else assert.equal(actual, expected);
}

async function withFile<T>(
  name: string,
  content: string | Uint8Array,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(join(directory, name), bytes);
    return await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The error's message and hint, without the directory. */
function messageOf(content: string | Uint8Array): Promise<string> {
  return withFile("moat.yaml", content, async (directory) => {
    try {
      await loadProjectConfig(directory);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return `${error.message.replaceAll(`${directory}/`, "")}\nhint: ${error.hint}\n`;
    }
    return "no error\n";
  });
}

for (const { name } of [...Deno.readDirSync(join(FIXTURES, "bad"))].toSorted(byName)) {
  Deno.test(`loadProjectConfig() refuses ${name}`, async () => {
    await compare(join(FIXTURES, "bad", name), async (yaml) => {
      const message = await messageOf(yaml);
      assert.match(message, /^moat\.yaml:\d+:\d+: Cannot .*[^.]\nhint: \S.*\n$/);
      return message;
    });
  });
}

for (const { name } of [...Deno.readDirSync(join(FIXTURES, "good"))].toSorted(byName)) {
  Deno.test(`loadProjectConfig() takes ${name}`, async () => {
    await compare(
      join(FIXTURES, "good", name),
      (yaml) =>
        withFile("agent.yaml", yaml, async (directory) => {
          const { file, ...config } = await loadProjectConfig(directory);
          assert.equal(file, join(directory, "agent.yaml"));
          return `${JSON.stringify(config, null, 2)}\n`;
        }),
    );
  });
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

Deno.test("loadProjectConfig() prefers moat.yaml and does without both", async () => {
  await withFile("agent.yaml", "name: agent", async (directory) => {
    assert.equal((await loadProjectConfig(directory)).name, "agent");
    await Deno.writeTextFile(join(directory, "moat.yaml"), "name: moat");
    assert.equal((await loadProjectConfig(directory)).name, "moat");
    await Deno.remove(join(directory, "moat.yaml"));
    await Deno.remove(join(directory, "agent.yaml"));
    assert.equal((await loadProjectConfig(directory)).file, undefined);
  });
});

Deno.test("loadProjectConfig() does not fall back to agent.yaml from a broken moat.yaml", async () => {
  await withFile("agent.yaml", "name: agent", async (directory) => {
    await Deno.writeTextFile(join(directory, "moat.yaml"), "nam: moat");
    await assert.rejects(loadProjectConfig(directory), /moat\.yaml:1:1: /);
  });
});

Deno.test("loadProjectConfig() reads a file with a byte order mark", async () => {
  assert.match(await messageOf("\ufeffname: 5\n"), /^moat\.yaml:1:7: /);
});

Deno.test("loadProjectConfig() places what is not UTF-8 or not allowed", async () => {
  const latin1 = new Uint8Array([...new TextEncoder().encode("a: b\nname: "), 0xe9, 0x0a]);
  assert.match(await messageOf(latin1), /^moat\.yaml:2:7: Cannot read the text: it is not UTF-8/);
  const utf16 = new Uint8Array([0xff, 0xfe, 0x6e, 0x00, 0x3a, 0x00]);
  assert.match(await messageOf(utf16), /^moat\.yaml:1:1: .*not UTF-8/);
  assert.match(await messageOf("a: b\nname: x\0y\n"), /^moat\.yaml:2:8: .*U\+0000/);
});

Deno.test("loadProjectConfig() refuses a file that is too large, or none", async () => {
  await assert.rejects(messageOf("# ".padEnd(2 * 1024 * 1024, "x")), /too many/);
  await withFile("other", "", async (directory) => {
    await Deno.mkdir(join(directory, "moat.yaml"));
    await assert.rejects(loadProjectConfig(directory), /it is not a file/);
  });
});

Deno.test("loadProjectConfig() survives a file that is nested too deeply", async () => {
  const message = await messageOf(`agent: ${"[".repeat(200_000)}`);
  assert.match(message, /^moat\.yaml:\d+:\d+: Cannot/);
});
