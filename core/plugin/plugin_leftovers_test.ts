import assert from "node:assert/strict";
import { join } from "node:path";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { answerCache } from "./code/answer_cache.ts";
import { findPluginLeftovers } from "./plugin_leftovers.ts";
import { makeTemporaryDirectory } from "./temporary_directory.ts";

const LONG_AGO = new Date("2020-01-01");

Deno.test("what plugins left is found, and what is needed stays", async () => {
  await using home = await createTestHome();
  const { store } = home.paths;
  const make = async (path: string, time?: Date) => {
    const file = join(store, path, "file");
    await Deno.mkdir(join(store, path), { recursive: true });
    await Deno.writeTextFile(file, "{}");
    if (time === undefined) return;
    for (const one of [file, join(store, path)]) await Deno.utime(one, time, time);
  };
  assert.deepEqual(await ownLeftovers(home), []);
  await make("plugins/aa", LONG_AGO);
  await make("plugins/bb");
  await make("plugins/new-x1");
  await make("plugins/new-x2", LONG_AGO);
  await make("plugin-answers/aa", LONG_AGO);
  await make("plugin-answers/bb");
  await make("plugin-answers/cc");
  await make("plugin-caches/aa", LONG_AGO);
  await make("plugin-caches/cc");
  const found = await ownLeftovers(home);
  assert.deepEqual(found.map(({ subject }) => subject), [
    "unfinished installation of a plugin",
    "answers of a plugin that is not installed",
    "directory of a plugin that is not installed",
    "answer of a plugin, older than 30 days",
  ]);
  for (const { remove } of [...found, ...found]) await remove();
  assert.deepEqual(await tree(store), [
    "plugin-answers/aa",
    "plugin-answers/bb",
    "plugin-answers/bb/file",
    "plugin-caches/aa",
    "plugin-caches/aa/file",
    "plugins/aa",
    "plugins/aa/file",
    "plugins/bb",
    "plugins/bb/file",
    "plugins/new-x1",
    "plugins/new-x1/file",
  ]);
});

Deno.test("a temporary directory is dead when its command is, and not before", async () => {
  await using home = await createTestHome();
  await using alive = await makeTemporaryDirectory();
  const killed = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", MAKE_AND_STAY, import.meta.resolve("./temporary_directory.ts")],
    stdout: "piped",
  }).spawn();
  const reader = killed.stdout.getReader();
  const path = new TextDecoder().decode((await reader.read()).value).trim();
  const names = async () =>
    (await findPluginLeftovers(home.paths)).map(({ subject }) => subject).join("\n");
  assert.ok(!(await names()).includes(join(path, "..")));
  killed.kill("SIGKILL");
  await killed.status;
  await reader.cancel();
  const dead = (await findPluginLeftovers(home.paths))
    .filter(({ subject }) => subject.startsWith(join(path, "..")));
  assert.equal(dead.length, 1);
  for (const { remove } of dead) await remove();
  await assert.rejects(Deno.lstat(join(path, "..")), Deno.errors.NotFound);
  assert.ok(!(await names()).includes(alive.path));
  assert.equal((await Deno.lstat(alive.path)).isDirectory, true);
});

Deno.test("of a plugin's answers the newest hundred are kept", async () => {
  await using home = await createTestHome();
  const cache = answerCache(home.paths, "sha256:aa");
  const directory = join(home.paths.store, "plugin-answers/aa");
  for (let number = 0; number < 103; number++) {
    await cache.write(`answer-${number}`, number);
    const time = new Date(Date.UTC(2026, 0, 1) + number * 1000);
    await Deno.utime(join(directory, `answer-${number}`), time, time);
  }
  await cache.write("last", "last");
  assert.deepEqual([await cache.read("answer-0"), await cache.read("answer-3")], [
    undefined,
    undefined,
  ]);
  assert.deepEqual([await cache.read("answer-4"), await cache.read("last")], [4, "last"]);
});

/** Those of the home: other commands on this machine may have left some, too. */
async function ownLeftovers({ paths }: Awaited<ReturnType<typeof createTestHome>>) {
  return (await findPluginLeftovers(paths)).filter(({ subject }) => !subject.startsWith("/"));
}

async function tree(directory: string, prefix = ""): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(directory, prefix))) {
    const path = `${prefix}${name}`;
    // The roots themselves are of no interest.
    if (prefix !== "") found.push(path);
    if (isDirectory) found.push(...await tree(directory, `${path}/`));
  }
  return found.sort();
}

const MAKE_AND_STAY = `
  const { makeTemporaryDirectory } = await import(Deno.args[0]);
  const made = await makeTemporaryDirectory();
  console.log(made.path);
  setInterval(() => made, 1000);
`;
