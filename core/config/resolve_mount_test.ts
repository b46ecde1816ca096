import assert from "node:assert/strict";
import { join } from "node:path";
import { parseMount } from "./parse_mount.ts";
import { resolveMount } from "./resolve_mount.ts";

/** A project and a directory beside it; `outside` of the mount `source:/x[:ro]` in the project. */
async function resolveIn(
  source: string,
  { mode = "rw", prepare }: {
    mode?: string;
    prepare?: (project: string) => Promise<unknown>;
  } = {},
): Promise<{ source: string; outside: boolean; directory: string }> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    const project = join(directory, "project");
    for (const path of ["project/data", "project/.git/hooks", "projects", "home/.ssh"]) {
      await Deno.mkdir(join(directory, path), { recursive: true });
    }
    await Deno.writeTextFile(join(project, "moat.yaml"), "");
    await prepare?.(project);
    const mount = parseMount(`${source}:/x:${mode}`);
    const options = { base: project, home: join(directory, "home"), project };
    return { ...await resolveMount(mount, options), directory };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const CASES: readonly (readonly [string, string, boolean])[] = [
  ["./data", "rw", false],
  ["data/../data/", "rw", false],
  ["..", "ro", true],
  ["../projects", "ro", true],
  ["~", "ro", true],
  ["~/.ssh", "ro", true],
  ["/", "ro", true],
  ["/etc/hostname", "ro", true],
  [".", "ro", false],
  [".", "rw", true],
  [".git", "rw", true],
  [".git/hooks", "rw", true],
  [".git/hooks", "ro", false],
  ["moat.yaml", "rw", true],
];

for (const [source, mode, outside] of CASES) {
  Deno.test(`resolveMount() says that ${source} (${mode}) ${outside ? "widens" : "does not widen"}`, async () => {
    assert.equal((await resolveIn(source, { mode })).outside, outside);
  });
}

Deno.test("resolveMount() follows links in the project to where they lead", async () => {
  const link = (project: string) => Deno.symlink("../home/.ssh", join(project, "keys"));
  const { source, outside, directory } = await resolveIn("./keys", { prepare: link });
  assert.equal(outside, true);
  assert.equal(source, join(directory, "home/.ssh"));
  const inside = (project: string) => Deno.symlink("data", join(project, "link"));
  assert.equal((await resolveIn("./link", { prepare: inside })).outside, false);
});

Deno.test("resolveMount() refuses a source that is not there, or a link to nothing", async () => {
  await assert.rejects(resolveIn("./nothing"), /Cannot mount ".\/nothing": .* is not there/);
  const link = (project: string) => Deno.symlink("../later", join(project, "later"));
  await assert.rejects(resolveIn("./later", { prepare: link }), /is not there/);
});
