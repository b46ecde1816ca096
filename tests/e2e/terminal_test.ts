import assert from "node:assert/strict";
import { requires } from "../helpers/machine.ts";
import { moatCommand, TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";
import { Tmux } from "../helpers/tmux.ts";

/** A command line of moat for a shell. */
function moat(...args: readonly string[]): string {
  return [...moatCommand(), ...args].map((word) => `'${word}'`).join(" ");
}

for (const { label, env, isDocker } of runtimesUnderTest()) {
  Deno.test({
    name: `${label}: an interactive shell edits lines, is resized, is interrupted, ends at Ctrl-D`,
    ...requires("tmux"),
    fn: async () => {
      await using home = await TestHome.create(env);
      await using terminal = await Tmux.start({ env: home.env, cwd: home.project });
      await terminal.type(moat("run", "-q"));
      await terminal.type("PS1='in''side> '; clear");
      await terminal.waitFor(/^inside>$/m);
      await terminal.type("tty -s && stty size");
      await terminal.waitFor(/^24 80$/m);
      await terminal.resize(100, 30);
      await terminal.type(
        "clear; until [ \"$(stty size)\" = '30 100' ]; do :; done; echo re''sized",
      );
      await terminal.waitFor(/^resized$/m);
      await terminal.keys("e", "c", "h", "o", "Space", "x", "y", "BSpace", "z", "Enter");
      await terminal.waitFor(/^xz$/m);
      await terminal.type("echo go''ing; sleep 1000");
      await terminal.waitFor(/^going$/m);
      await terminal.keys("C-c");
      await terminal.waitFor(/^inside>$/m);
      await terminal.type("echo code $?");
      await terminal.waitFor(/^code 130$/m);
      await terminal.keys("C-d");
      await terminal.waitFor(/^host\$$/m);
      await terminal.type("stty -a | grep -c -- '-icanon\\|-echo ' ; echo restored");
      assert.match(await terminal.waitFor(/^restored$/m), /^0$/m);
    },
  });

  Deno.test({
    name: `${label}: the terminal is restored when moat is ended by TERM`,
    ...requires("tmux"),
    fn: async () => {
      await using home = await TestHome.create(env);
      await using terminal = await Tmux.start({ env: home.env, cwd: home.project });
      await terminal.type(
        `${moat("run", "-q", "-t", "--", "sh", "-c", "echo up; sleep 1000")}; echo code $?`,
      );
      await terminal.waitFor(/^up$/m);
      const listed: unknown = JSON.parse(await home.ok(["list", "--json"]));
      const pid = await processOf(home.home);
      assert(Array.isArray(listed) && listed.length === 1);
      Deno.kill(pid, "SIGTERM");
      await terminal.waitFor(/^code 143$/m);
      await terminal.type("stty -a | grep -c -- '-icanon\\|-echo ' ; echo restored");
      assert.match(await terminal.waitFor(/^restored$/m), /^0$/m);
    },
  });

  Deno.test({
    name: `${label}: full-screen programs draw and leave the screen as it was`,
    ...requires("tmux"),
    fn: async () => {
      await using home = await TestHome.create(env);
      await home.write("long.txt", Array.from({ length: 200 }, (_, i) => `line ${i}`).join("\n"));
      await using terminal = await Tmux.start({ env: home.env, cwd: home.project });
      // perl is part of every Debian image: the alternate screen, drawn from the terminal's size.
      const program =
        "$|=1; print qq(\\e[?1049h\\e[2J\\e[12;30Hcentre); sysread(STDIN, $k, 1); print qq(\\e[?1049l)";
      await terminal.type("echo before");
      await terminal.type(moat("run", "-q", "-t", "--", "perl", "-e", program));
      await terminal.waitFor(/^ {29}centre$/m);
      await terminal.keys("q", "Enter");
      assert.match(await terminal.waitFor(/^host\$$/m), /before/);
    },
  });

  if (isDocker) {
    Deno.test({
      name: `${label}: a run with a terminal is detached from and attached to again`,
      ...requires("tmux"),
      fn: async () => {
        await using home = await TestHome.create(env);
        await using terminal = await Tmux.start({ env: home.env, cwd: home.project });
        await terminal.type(moat("run", "-q", "--name", "shell", "-t", "--", "sh"));
        await terminal.waitFor(/^[#$]$/m);
        await terminal.type("echo fi''rst");
        await terminal.waitFor(/^first$/m);
        await terminal.keys("C-/", "d");
        await terminal.waitFor(/^host\$$/m);
        assert.equal(
          Object(Object(JSON.parse(await home.ok(["list", "--json"])))[0]).state,
          "running",
        );
        await terminal.type(`clear; ${moat("attach", "shell")}; echo code $?`);
        await terminal.type("echo sec''ond");
        await terminal.waitFor(/^second$/m);
        await terminal.type("exit 4");
        await terminal.waitFor(/^code 4$/m);
      },
    });
  } else {
    Deno.test({
      name: `${label}: a run with a terminal says why it cannot be detached from`,
      ...requires("tmux"),
      fn: async () => {
        await using home = await TestHome.create(env);
        await using terminal = await Tmux.start({ env: home.env, cwd: home.project });
        await terminal.type(moat("run", "-q", "-t", "--", "sh"));
        await terminal.waitFor(/^[#$]$/m);
        await terminal.type("echo fi''rst");
        await terminal.waitFor(/^first$/m);
        await terminal.keys("C-/", "d");
        await terminal.waitFor(/-d/);
        await terminal.type("exit 0");
        await terminal.waitFor(/^host\$$/m);
      },
    });
  }
}

/** The moat process whose MOAT_HOME is this one and that is attached to the terminal. */
async function processOf(home: string): Promise<number> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [environ, command, stat] = await Promise.all([
        Deno.readTextFile(`/proc/${name}/environ`),
        Deno.readTextFile(`/proc/${name}/cmdline`),
        Deno.readTextFile(`/proc/${name}/stat`),
      ]);
      const terminal = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[4]);
      const own = environ.split("\0").includes(`MOAT_HOME=${home}`);
      if (own && terminal !== 0 && command.includes("\0run\0-q\0-t")) return Number(name);
    } catch (error) {
      // Processes end while they are looked at.
      if (!(error instanceof Error)) throw error;
    }
  }
  throw new Error("The moat process was not found");
}
