import assert from "node:assert/strict";
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import { readSeed } from "./read_seed.ts";

/** SHA-256 of "select 1;". */
const SELECT_1 = "354b7196c9ba5fb4b21cf615bb6ec4cd5c07503c34229feef033fc081a8c03f4";

interface Project extends AsyncDisposable {
  /** A project with a file outside of it, `../outside.sql`. */
  readonly path: string;
}

async function createProject(): Promise<Project> {
  const parent = await Deno.realPath(await Deno.makeTempDir({ prefix: "moat-seed-" }));
  const path = join(parent, "project");
  await Deno.mkdir(join(path, "db"), { recursive: true });
  await Deno.writeTextFile(join(parent, "outside.sql"), "secret");
  await Deno.writeTextFile(join(path, "db", "seed.sql"), "select 1;");
  return { path, [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }) };
}

Deno.test("readSeed() reads files, and links within the project", async () => {
  await using project = await createProject();
  await Deno.symlink("db/seed.sql", join(project.path, "link.sql"));
  const seed = await readSeed(
    { kind: "files", files: ["db/seed.sql", "link.sql"] },
    { project: project.path },
  );
  assert.deepEqual(seed, {
    kind: "files",
    files: [{ path: "db/seed.sql", sha256: SELECT_1 }, { path: "link.sql", sha256: SELECT_1 }],
  });
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["a path out of the project", "../outside.sql", /"\.\.\/outside\.sql": it is outside/],
  ["a link out of the project", "away.sql", /"away\.sql": it is outside/],
  ["a file below a linked directory", "up/outside.sql", /it is outside/],
  ["a file that is not there", "db/none.sql", /there is no such file/],
  ["a link to nothing", "nowhere.sql", /there is no such file/],
  ["a directory", "db", /it is no plain file/],
];
for (const [what, path, message] of REFUSED) {
  Deno.test(`readSeed() refuses ${what}`, async () => {
    await using project = await createProject();
    await Deno.symlink("../outside.sql", join(project.path, "away.sql"));
    await Deno.symlink("nothing", join(project.path, "nowhere.sql"));
    await Deno.symlink("..", join(project.path, "up"));
    await assert.rejects(
      readSeed({ kind: "files", files: [path] }, { project: project.path }),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  });
}
