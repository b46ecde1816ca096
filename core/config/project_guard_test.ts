import { requires } from "../../tests/helpers/machine.ts";
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type ProjectSnapshot, reviewProject, snapshotProject } from "./project_guard.ts";

class Project implements AsyncDisposable {
  readonly path: string;
  readonly outside: string;

  private constructor(readonly directory: string) {
    this.path = join(directory, "project");
    this.outside = join(directory, "outside");
  }

  static async create({ git = true } = {}): Promise<Project> {
    const project = new Project(await Deno.realPath(await Deno.makeTempDir()));
    await Deno.mkdir(project.path);
    await Deno.mkdir(project.outside);
    if (git) await project.git("init", "-q");
    return project;
  }

  async git(...args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("git", {
      args: ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args],
      cwd: this.path,
      env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  at(path: string): string {
    return join(this.path, path);
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(dirname(this.at(path)), { recursive: true });
    await Deno.writeTextFile(this.at(path), text);
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(this.at(path));
  }

  /** Notices of a review after `run`; the snapshot goes through JSON, as in the store. */
  async during(run: () => Promise<unknown>): Promise<readonly string[]> {
    const before: ProjectSnapshot = JSON.parse(JSON.stringify(await snapshotProject(this.path)));
    await run();
    return await reviewProject(before);
  }

  async exists(path: string): Promise<boolean> {
    try {
      await Deno.lstat(this.at(path));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("reviewProject() says nothing of ordinary work", requires("git"), async () => {
  await using project = await Project.create();
  const notices = await project.during(async () => {
    await project.write("a.txt", "x");
    await project.git("add", ".");
    await project.git("commit", "-q", "-m", "x");
    await project.git("config", "user.name", "Ann");
    await project.git("remote", "add", "origin", "https://example.org/a.git");
    await project.git("switch", "-q", "-c", "next");
  });
  assert.deepEqual(notices, []);
});

Deno.test(
  "reviewProject() reports new, changed and removed configuration",
  requires("git"),
  async () => {
    await using project = await Project.create({ git: false });
    await project.write("moat.yaml", "name: a\n");
    await project.write("agent.yaml", "name: a\n");
    const notices = await project.during(async () => {
      await project.write("moat.yaml", "name: b\n");
      await project.write("moat.lock", "{}");
      await Deno.remove(project.at("agent.yaml"));
    });
    assert.equal(notices.length, 3);
    assert.match(notices[0] ?? "", /moat\.yaml changed/);
    assert.match(notices[1] ?? "", /moat\.lock is new/);
    assert.match(notices[2] ?? "", /agent\.yaml is gone/);
  },
);

const PROGRAMS: readonly (readonly [string, string])[] = [
  ["core.fsmonitor", "/bin/evil"],
  ["core.hooksPath", "evil"],
  ["core.sshCommand", "evil"],
  ["core.editor", "evil"],
  ["core.pager", "evil"],
  ["core.askPass", "evil"],
  ["core.gitProxy", "evil"],
  ["core.worktree", "/"],
  ["core.alternateRefsCommand", "evil"],
  ["pager.log", "evil"],
  ["sequence.editor", "evil"],
  ["gpg.program", "evil"],
  ["gpg.ssh.program", "evil"],
  ["gpg.ssh.defaultKeyCommand", "evil"],
  ["credential.helper", "!evil"],
  ["credential.https://example.org.helper", "evil"],
  ["diff.external", "evil"],
  ["diff.x.command", "evil"],
  ["diff.x.textconv", "evil"],
  ["difftool.x.cmd", "evil"],
  ["merge.x.driver", "evil"],
  ["mergetool.x.cmd", "evil"],
  ["filter.x.clean", "evil"],
  ["filter.x.y.smudge", "evil"],
  ["filter.x.process", "evil"],
  ["include.path", "../evil"],
  ["includeIf.gitdir:/.path", "evil"],
  ["alias.st", "!evil"],
  ["alias.co", "rebase --exec evil HEAD~1"],
  ["uploadpack.packObjectsHook", "evil"],
  ["protocol.ext.allow", "always"],
  ["protocol.allow", "always"],
  ["remote.origin.url", "ext::sh -c evil"],
  ["remote.origin.uploadpack", "evil"],
  ["remote.origin.vcs", "evil"],
  ["interactive.diffFilter", "evil"],
  ["submodule.x.update", "!evil"],
  ["sendemail.smtpServer", "/bin/evil"],
  ["sendemail.x.toCmd", "evil"],
  ["trailer.x.command", "evil"],
  ["tar.x.command", "evil"],
  ["browser.x.cmd", "evil"],
  ["man.x.path", "evil"],
  ["init.templateDir", "evil"],
  ["lfs.customtransfer.x.path", "evil"],
  ["lfs.extension.x.clean", "evil"],
  ["hook.x.command", "evil"],
];

for (const [key, value] of PROGRAMS) {
  Deno.test(`reviewProject() takes out ${key}`, requires("git"), async () => {
    await using project = await Project.create();
    const notices = await project.during(() => project.git("config", "--add", key, value));
    assert.equal(notices.length, 1, notices.join("\n"));
    assert.match(notices[0] ?? "", /Took out/);
    assert(!notices[0]?.includes(value) || value.length < 6, "the value is not told");
    const left = await project.git("config", "--local", "--list");
    assert(!left.toLowerCase().includes(key.toLowerCase()), left);
  });
}

const HARMLESS: readonly (readonly [string, string])[] = [
  ["core.autocrlf", "input"],
  ["core.fsmonitor", "true"],
  ["core.worktree", "."],
  ["pager.log", "false"],
  ["alias.st", "status -sb"],
  ["remote.origin.url", "git@example.org:a/b.git"],
  ["remote.origin.url", "ssh://git@[::1]/a.git"],
  ["branch.main.merge", "refs/heads/main"],
  ["merge.conflictStyle", "diff3"],
  ["submodule.x.update", "checkout"],
];

for (const [key, value] of HARMLESS) {
  Deno.test(`reviewProject() leaves ${key} = ${value}`, requires("git"), async () => {
    await using project = await Project.create();
    const notices = await project.during(() =>
      project.write(
        ".git/config",
        `[core]\n\trepositoryformatversion = 0\n${asText(key, value)}`,
      )
    );
    assert.deepEqual(notices, []);
    assert.equal((await project.read(".git/config")).includes(value), true);
  });
}

function asText(key: string, value: string): string {
  const [section = "", ...rest] = key.split(".");
  const name = rest.pop();
  const header = rest.length === 0 ? section : `${section} "${rest.join(".")}"`;
  return `[${header}]\n\t${name} = ${value}\n`;
}

Deno.test(
  "reviewProject() keeps what was set before, in its order, beside what it takes out",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await project.git("config", "--add", "credential.helper", "");
    await project.git("config", "--add", "credential.helper", "-mine");
    const notices = await project.during(async () => {
      await project.git("config", "--add", "credential.helper", "evil");
      await project.git("config", "user.name", "kept");
    });
    assert.equal(notices.length, 1);
    const helpers = await project.git("config", "--get-all", "credential.helper");
    assert.equal(helpers, "\n-mine\n");
    assert.equal(await project.git("config", "--local", "user.name"), "kept\n");
  },
);

Deno.test(
  "reviewProject() cleans although the run left a lock, and keeps the mode",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await Deno.chmod(project.at(".git/config"), 0o600);
    const notices = await project.during(async () => {
      await project.git("config", "core.pager", "evil");
      await project.write(".git/config.lock", "");
    });
    assert.equal(notices.length, 1);
    assert.doesNotMatch(await project.read(".git/config"), /evil/);
    assert.equal(((await Deno.stat(project.at(".git/config"))).mode ?? 0) & 0o777, 0o600);
  },
);

Deno.test(
  "reviewProject() looks into config.worktree, submodules and files included before",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await project.write("shared.gitconfig", "[user]\n\tname = x\n");
    await project.git("config", "include.path", "../shared.gitconfig");
    await project.write(".git/modules/a/b/HEAD", "ref: refs/heads/main\n");
    await project.write(".git/modules/a/b/config", "[core]\n\tworktree = ../../../../a/b\n");
    const evil = "[core]\n\tfsmonitor = evil\n";
    const files = [".git/config.worktree", ".git/modules/a/b/config", "shared.gitconfig"];
    const notices = await project.during(async () => {
      for (const file of files) {
        await project.write(
          file,
          await project.exists(file) ? await project.read(file) + evil : evil,
        );
      }
      await project.write(".git/modules/a/b/hooks/post-checkout", "#!/bin/sh\n");
    });
    for (const file of files) assert.doesNotMatch(await project.read(file), /fsmonitor/, file);
    assert.match(await project.read(".git/modules/a/b/config"), /worktree/);
    assert.equal(await project.exists(".git/modules/a/b/hooks/post-checkout"), false);
    assert.equal(notices.length, 4);
  },
);

Deno.test(
  "reviewProject() sets aside hooks where there was no directory to protect",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await Deno.remove(project.at(".git/hooks"), { recursive: true });
    const notices = await project.during(async () => {
      await project.write(".git/hooks/pre-commit", "#!/bin/sh\nevil\n");
      await Deno.symlink("/bin/true", project.at(".git/hooks/post-commit"));
    });
    assert.equal(notices.length, 2);
    assert.equal(await project.exists(".git/hooks/pre-commit"), false);
    assert.equal(await project.exists(".git/hooks/post-commit"), false);
    assert.match(await project.read(".git/hooks/pre-commit.from-run"), /evil/);
  },
);

Deno.test(
  "reviewProject() only reports hooks that change where they were protected",
  requires("git"),
  async () => {
    await using project = await Project.create();
    const notices = await project.during(() => project.write(".git/hooks/pre-push", "mine"));
    assert.match(notices.join("\n"), /"pre-push"/);
    assert.equal(await project.read(".git/hooks/pre-push"), "mine");
  },
);

Deno.test("reviewProject() reviews a repository that the run made", requires("git"), async () => {
  await using project = await Project.create({ git: false });
  const notices = await project.during(async () => {
    await project.git("init", "-q");
    await project.git("config", "core.fsmonitor", "evil");
    await project.write(".git/hooks/pre-commit", "evil");
  });
  assert.equal(notices.length, 2);
  assert.doesNotMatch(await project.read(".git/config"), /evil/);
  assert.equal(await project.exists(".git/hooks/pre-commit"), false);
});

Deno.test("reviewProject() moves away what sends git elsewhere", requires("git"), async () => {
  await using project = await Project.create();
  const notices = await project.during(() => project.write(".git/commondir", "../evil\n"));
  assert.match(notices.join("\n"), /commondir/);
  assert.equal(await project.exists(".git/commondir"), false);

  await using bare = await Project.create({ git: false });
  await bare.during(() => bare.write(".git", "gitdir: ./evil\n"));
  assert.equal(await bare.exists(".git"), false);
});

Deno.test(
  "reviewProject() restores the .git file and commondir of a worktree",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await project.git("commit", "-q", "--allow-empty", "-m", "x");
    const tree = join(project.directory, "tree");
    await project.git("worktree", "add", "-q", tree);
    const before = await snapshotProject(tree);
    const text = await Deno.readTextFile(join(tree, ".git"));
    await Deno.writeTextFile(join(tree, ".git"), "gitdir: ./evil\n");
    const common = project.at(".git/worktrees/tree/commondir");
    const commonText = await Deno.readTextFile(common);
    await Deno.writeTextFile(common, "../../../evil\n");
    await project.git("config", "core.pager", "evil");
    const notices = await reviewProject(before);
    assert.equal(await Deno.readTextFile(join(tree, ".git")), text);
    assert.equal(await Deno.readTextFile(common), commonText);
    assert.doesNotMatch(await project.read(".git/config"), /evil/);
    assert.equal(notices.length, 3, notices.join("\n"));
  },
);

Deno.test("reviewProject() follows no link out of the project", requires("git"), async () => {
  await using project = await Project.create();
  await project.write(".git/modules/m/HEAD", "x");
  await project.write(".git/modules/m/config", "");
  const victim = join(project.outside, "repo");
  await Deno.mkdir(join(victim, "hooks"), { recursive: true });
  await Deno.writeTextFile(join(victim, "HEAD"), "x");
  await Deno.writeTextFile(join(victim, "config"), "[core]\n\tpager = mine\n");
  await Deno.writeTextFile(join(victim, "hooks/pre-commit"), "mine");
  const notices = await project.during(async () => {
    await Deno.remove(project.at(".git/modules/m"), { recursive: true });
    await Deno.symlink(victim, project.at(".git/modules/m"));
    await Deno.remove(project.at(".git/config"));
    await Deno.symlink(join(victim, "config"), project.at(".git/config"));
    await Deno.remove(project.at(".git/hooks"), { recursive: true });
    await Deno.symlink(join(victim, "hooks"), project.at(".git/hooks"));
  });
  assert.equal(await Deno.readTextFile(join(victim, "config")), "[core]\n\tpager = mine\n");
  assert.equal(await Deno.readTextFile(join(victim, "hooks/pre-commit")), "mine");
  for (const path of [".git/modules/m", ".git/config", ".git/hooks"]) {
    assert.equal(await project.exists(path), false, path);
  }
  assert.equal(notices.length, 3, notices.join("\n"));
});

Deno.test(
  "reviewProject() is stopped neither by pipes nor by size nor by broken text",
  requires("git"),
  async () => {
    await using project = await Project.create();
    await project.write(".git/modules/m/HEAD", "x");
    const notices = await project.during(async () => {
      await Deno.remove(project.at(".git/config"));
      await new Deno.Command("mkfifo", { args: [project.at(".git/config")] }).output();
      await Deno.writeFile(project.at(".git/config.worktree"), new Uint8Array(17 * 1024 * 1024));
      await project.write(".git/modules/m/config", "[alias\n\tx = !evil\n");
      await project.write("moat.yaml", "x");
    });
    assert.equal(await project.exists(".git/config"), false);
    assert.equal(await project.exists(".git/config.worktree"), false);
    assert.match(notices.join("\n"), /Cannot check .*modules\/m/);
    assert.equal(notices.length, 4, notices.join("\n"));
  },
);

Deno.test("snapshotProject() keeps no value of a setting", requires("git"), async () => {
  await using project = await Project.create();
  await project.git("config", "credential.helper", "!echo password=s3cret");
  assert.doesNotMatch(JSON.stringify(await snapshotProject(project.path)), /s3cret/);
});

Deno.test(
  "reviewProject() cleans repositories that the index names, however they came there",
  requires("git"),
  async () => {
    await using project = await Project.create();
    const make = async (name: string) => {
      await project.git("init", "-q", name);
      await project.git("-C", name, "commit", "-q", "--allow-empty", "-m", "x");
      await project.git("-C", name, "config", "core.pager", "mine");
      await project.git("add", name);
    };
    await make("before");
    const notices = await project.during(async () => {
      await make("new");
      await project.git("update-index", "--split-index");
      await project.git("-C", "before", "config", "core.fsmonitor", "evil");
      await project.write("new/.git/hooks/pre-commit", "evil");
    });
    assert.equal(notices.length, 3, notices.join("\n"));
    assert.match(await project.read("before/.git/config"), /pager/);
    assert.doesNotMatch(await project.read("before/.git/config"), /fsmonitor/);
    assert.doesNotMatch(await project.read("new/.git/config"), /pager/);
    assert.equal(await project.exists("new/.git/hooks/pre-commit"), false);
  },
);
