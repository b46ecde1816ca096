import { requires } from "../../tests/helpers/machine.ts";
import assert from "node:assert/strict";
import { gitConfigText, readGitIdentity } from "./git_identity.ts";

async function git(args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await new Deno.Command("git", { args: [...args], cwd }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("gitConfigText() is read by git as it was meant", requires("git"), async () => {
  const folder = await Deno.makeTempDir();
  try {
    const name = 'Ada "the first" \\ Love#lace; $HOME é';
    await Deno.writeTextFile(`${folder}/c`, gitConfigText({ name, email: "a@example.org\n[x]" }));
    assert.equal(await git(["config", "--file", "c", "--get", "user.name"], folder), name);
    assert.equal(
      await git(["config", "--file", "c", "--get", "user.email"], folder),
      "a@example.org[x]",
    );
    assert.equal(
      await git(["config", "--file", "c", "--get", "safe.directory"], folder),
      "/workspace",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readGitIdentity() asks the repository it is told", requires("git"), async () => {
  const folder = await Deno.makeTempDir();
  try {
    await git(["init", "--quiet"], folder);
    await git(["config", "user.name", "Ada"], folder);
    await git(["config", "user.email", "ada@example.org"], folder);
    assert.deepEqual(await readGitIdentity({ cwd: folder }), {
      name: "Ada",
      email: "ada@example.org",
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
