import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";

async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const { stdout, success, stderr } = await new Deno.Command("git", {
    args: ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args],
    cwd,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

for (const { label, env } of runtimesUnderTest()) {
  Deno.test(
    `${label}: a run cannot replace the hooks that the host will run`,
    requires("git"),
    async () => {
      await using home = await TestHome.create(env);
      await git(home.project, "init", "-q");
      await home.write(".git/hooks/pre-commit", "#!/bin/sh\necho from the host\n");
      const script =
        "mv .git .x; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; echo evil > .git/hooks/post-commit";
      const { code } = await home.moat(["run", "--", "sh", "-c", script]);
      assert.notEqual(code, 0);
      const hooks = join(home.project, ".git/hooks");
      assert.match(await Deno.readTextFile(join(hooks, "pre-commit")), /from the host/);
      await assert.rejects(Deno.lstat(join(hooks, "post-commit")), Deno.errors.NotFound);
      await assert.rejects(Deno.lstat(join(home.project, ".x")), Deno.errors.NotFound);
    },
  );

  Deno.test(
    `${label}: git works inside, and a setting that runs programs is taken out`,
    requires("git"),
    async () => {
      await using home = await TestHome.create(env);
      await git(home.project, "init", "-q");
      await git(home.project, "config", "core.pager", "less");
      const inside =
        "printf '[core]\\n\\tfsmonitor = evil\\n[user]\\n\\tname = kept\\n' >> .git/config";
      const { code, stderr } = await home.moat(["run", "--", "sh", "-c", inside]);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /core\.fsmonitor/);
      const config = await git(home.project, "config", "--local", "--list");
      assert.doesNotMatch(config, /fsmonitor/);
      assert.match(config, /core\.pager=less/);
      assert.match(config, /user\.name=kept/);
    },
  );

  Deno.test(`${label}: the project's file is read-only inside unless that was asked for`, async () => {
    await using home = await TestHome.create(env);
    await home.write("moat.yaml", "name: guarded\n");
    const overwrite = ["--", "sh", "-c", "echo 'name: changed' > moat.yaml"];
    assert.notEqual((await home.moat(["run", ...overwrite])).code, 0);
    assert.equal((await home.moat(["run", "--allow-config-write", ...overwrite])).code, 0);
    assert.equal(await Deno.readTextFile(join(home.project, "moat.yaml")), "name: changed\n");
  });

  Deno.test(`${label}: a widened project is refused until it is accepted`, async () => {
    await using home = await TestHome.create(env);
    await Deno.mkdir(join(home.directory, "outside"));
    await Deno.writeTextFile(join(home.directory, "outside", "secret"), "s3cret\n");
    const write = "printf 'mounts: [\"../outside:/outside\"]\\n' > moat.yaml";
    assert.equal((await home.moat(["run", "--", "sh", "-c", write])).code, 0);
    const read = ["--", "cat", "/outside/secret"];
    const refused = await home.moat(["run", ...read]);
    assert.notEqual(refused.code, 0);
    assert.equal(refused.stdout, "");
    assert.match(refused.stderr, /outside/);
    assert.match(refused.stderr, /moat trust|--trust/);
    assert.equal(await home.ok(["run", "--trust", ...read]), "s3cret\n");
    assert.equal(await home.ok(["run", ...read]), "s3cret\n");
    await home.write("moat.yaml", 'mounts: ["../outside:/elsewhere"]\n');
    assert.notEqual((await home.moat(["run", "--", "cat", "/elsewhere/secret"])).code, 0);
  });

  Deno.test(
    `${label}: a git worktree works, its repository's hooks are read-only`,
    requires("git"),
    async () => {
      await using home = await TestHome.create(env);
      await git(home.project, "init", "-q");
      await git(home.project, "commit", "-q", "--allow-empty", "-m", "first");
      const tree = join(home.directory, "tree");
      await git(home.project, "worktree", "add", "-q", tree);
      const script =
        `test -f ${home.project}/.git/HEAD && ! touch ${home.project}/.git/hooks/post-commit`;
      const { code, stderr } = await home.moat(["run", "--trust", tree, "--", "sh", "-c", script]);
      assert.equal(code, 0, stderr);
    },
  );
}
