import assert from "node:assert/strict";
import { join } from "node:path";
import { replaceFile } from "../../store/files.ts";
import { createTestHome } from "../../../tests/helpers/test_home.ts";
import type { LockedPlugin } from "./plugin_lock.ts";
import { ProjectPluginFiles } from "./project_plugin_files.ts";

const DIGESTS = { one: `sha256:${"1".repeat(64)}`, two: `sha256:${"2".repeat(64)}` };
const OLD = locked("1.0.0", DIGESTS.one);
const NEW = locked("2.0.0", DIGESTS.two);

interface Change {
  readonly title: string;
  readonly before?: LockedPlugin;
  readonly after?: LockedPlugin;
  /** Entries of other plugins stay. */
  readonly carryOut: (files: ProjectPluginFiles) => Promise<void>;
}

const CHANGES: readonly Change[] = [
  {
    title: "add",
    after: OLD,
    async carryOut(files) {
      files.lock(OLD);
      await files.add("plugins", OLD.source);
      await files.add("dependencies", "hello");
    },
  },
  {
    title: "update to another source",
    before: OLD,
    after: { ...NEW, previous: previous(OLD) },
    async carryOut(files) {
      await files.remove("plugins", OLD.source);
      await files.add("plugins", NEW.source);
      files.lock({ ...NEW, previous: previous(OLD) });
    },
  },
  {
    title: "update of the same source",
    before: OLD,
    after: { ...OLD, version: "3.0.0", digest: DIGESTS.two, previous: previous(OLD) },
    carryOut(files) {
      files.lock({ ...OLD, version: "3.0.0", digest: DIGESTS.two, previous: previous(OLD) });
      return Promise.resolve();
    },
  },
  {
    title: "rollback",
    before: { ...NEW, previous: previous(OLD) },
    after: { ...OLD, previous: previous(NEW) },
    async carryOut(files) {
      await files.remove("plugins", NEW.source);
      await files.add("plugins", OLD.source);
      files.lock({ ...OLD, previous: previous(NEW) });
    },
  },
  {
    title: "remove",
    before: OLD,
    async carryOut(files) {
      await files.remove("plugins", OLD.source);
      await files.remove("dependencies", "hello");
      files.unlock("hello");
    },
  },
];

for (const { title, before, after, carryOut } of CHANGES) {
  Deno.test(`${title}: cut off after any write, the project is as it was or as it is to be`, async () => {
    let writes = 0;
    for (let allowed = 0;; allowed++) {
      await using home = await createTestHome();
      await prepare(home.directory, before);
      const files = await ProjectPluginFiles.open(home.directory);
      await carryOut(files);
      let left = allowed;
      const saving = files.save({
        write: async (path, text) => {
          if (left-- === 0) throw new Error("killed");
          await replaceFile(path, text);
        },
      });
      const isWhole = await saving.then(() => true, () => false);
      const used = await usedIn(home.directory);
      if (isWhole) {
        writes = allowed;
        assert.deepEqual(used, digestsOf(after));
        break;
      }
      const isOldOrNew = [digestsOf(before), digestsOf(after)].some((digests) =>
        JSON.stringify(digests) === JSON.stringify(used)
      );
      assert(isOldOrNew, `after ${allowed} writes: ${JSON.stringify(used)}`);
      // The same once more brings it about.
      const again = await ProjectPluginFiles.open(home.directory);
      await carryOut(again);
      await again.save();
      assert.deepEqual(await usedIn(home.directory), digestsOf(after));
    }
    assert(writes > 0, "nothing was written");
  });
}

Deno.test("what a killed command left beside the files goes, and nothing else", async () => {
  await using home = await createTestHome();
  const [old, fresh, another] = [
    "moat.lock.0a1b2c3d.new",
    "moat.yaml.0a1b2c3d.new",
    "moat.lock.new",
  ];
  for (const name of [old, fresh, another]) {
    await Deno.writeTextFile(join(home.directory, name), "");
    const time = name === fresh ? new Date() : new Date("2020-01-01");
    await Deno.utime(join(home.directory, name), time, time);
  }
  await prepare(home.directory, OLD);
  const names = await Array.fromAsync(Deno.readDir(home.directory), ({ name }) => name);
  assert.deepEqual(names.sort(), ["moat.lock", another, "moat.yaml", fresh].sort());
});

/** A project with another plugin, and perhaps this one. */
async function prepare(project: string, before: LockedPlugin | undefined): Promise<void> {
  await Deno.writeTextFile(join(project, "moat.yaml"), "name: demo\n");
  const files = await ProjectPluginFiles.open(project);
  files.lock({ ...OLD, id: "other", source: "./other" });
  await files.add("plugins", "./other");
  if (before !== undefined) {
    files.lock(before);
    await files.add("plugins", before.source);
    await files.add("dependencies", "hello");
  }
  await files.save();
}

/** The digests that runs would use, by source of moat.yaml; one that is not locked is a failure. */
async function usedIn(project: string): Promise<readonly string[]> {
  const files = await ProjectPluginFiles.open(project);
  const sources = await files.entries("plugins");
  const dependencies = await files.entries("dependencies");
  const used = sources.map((source) => files.locked.find((one) => one.source === source));
  const isAsked = used.some((one) => one?.id === "hello");
  assert.equal(dependencies.includes("hello"), isAsked);
  return used.map((one) => `${one?.id} ${one?.version} ${one?.digest}`).toSorted();
}

function digestsOf(plugin: LockedPlugin | undefined): readonly string[] {
  const other = `other ${OLD.version} ${OLD.digest}`;
  return plugin === undefined
    ? [other]
    : [`hello ${plugin.version} ${plugin.digest}`, other].toSorted();
}

function locked(version: string, digest: string): LockedPlugin {
  return { id: "hello", kind: "dependency", version, source: `npm:hello@${version}`, digest };
}

function previous(
  { version, source, digest = "" }: LockedPlugin,
): NonNullable<LockedPlugin["previous"]> {
  return { ...(version === undefined ? {} : { version }), source, digest };
}
