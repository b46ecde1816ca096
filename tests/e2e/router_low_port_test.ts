/**
 * `sudo moat proxy start --port 80`, by what sudo is to moat: root, with the caller in SUDO_UID.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchFrom } from "../helpers/fetch_from.ts";
import { requires } from "../helpers/machine.ts";
import { kill9, processesOf } from "../helpers/processes.ts";
import { createTestHome } from "../helpers/test_home.ts";
import { until } from "../helpers/until.ts";

/** Every system has it. */
const NOBODY = 65534;

/** A program and a home of nobody's; disposing ends the router and removes both. */
interface CallersMoat extends AsyncDisposable {
  readonly home: string;
  /** As `sudo moat …`. */
  sudo(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** As `moat …`. */
  moat(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

async function createCallersMoat(): Promise<CallersMoat> {
  const place = await createTestHome();
  const { directory } = place;
  const [program, home] = [join(directory, "moat"), join(directory, "home")];
  await Deno.chmod(directory, 0o755);
  await Deno.copyFile(Deno.env.get("MOAT_TEST_BINARY") ?? "", program);
  await Deno.chmod(program, 0o755);
  await Deno.mkdir(home, { mode: 0o700 });
  await Deno.chown(home, NOBODY, NOBODY);
  const run = async (words: readonly string[], env: Readonly<Record<string, string>>) => {
    const [command = "", ...args] = words;
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", MOAT_HOME: home, ...env },
      clearEnv: true,
      cwd: "/",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  const asNobody = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"].map(String);
  const moat = (...args: readonly string[]) => run([...asNobody, program, ...args], {});
  return {
    home,
    moat,
    sudo: (...args) => run([program, ...args], { SUDO_UID: String(NOBODY), SUDO_USER: "nobody" }),
    async [Symbol.asyncDispose]() {
      await moat("proxy", "stop", "--force");
      for (const { pid } of await processesOf([home])) kill9(pid);
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A free port that only root may open. */
function lowPort(): number {
  for (let tries = 0; tries < 100; tries++) {
    const port = 600 + Math.floor(Math.random() * 400);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("No low port is free");
}

/** Owners of all that is below the directory. */
async function ownersOf(directory: string): Promise<ReadonlySet<number | null>> {
  const owners = new Set<number | null>();
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    owners.add((await Deno.lstat(path)).uid);
    if (isDirectory) { for (const owner of await ownersOf(path)) owners.add(owner); }
  }
  return owners;
}

/** Effective ids of the home's processes. */
async function usersOf(home: string): Promise<ReadonlySet<number>> {
  const users = new Set<number>();
  for (const { pid } of await processesOf([home])) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    const uid = /^Uid:\t(\d+)/m.exec(status)?.[1];
    if (uid !== undefined) users.add(Number(uid));
  }
  return users;
}

const needs = requires("linux", "root", "binary");

Deno.test("a port below 1024 is opened by sudo, and all else is the caller's", needs, async (t) => {
  await using caller = await createCallersMoat();
  const port = lowPort();
  const answers = async () => (await fetchFrom(port, { host: "localhost" })).status === 200;

  await t.step("without sudo it says how", async () => {
    const { code, stderr } = await caller.moat("proxy", "start", "--port", String(port));
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`reserved for root.*\\nhint: sudo moat proxy start --port ${port}`),
    );
  });

  await t.step("with sudo it serves, twice told is the same", async () => {
    for (let count = 0; count < 2; count++) {
      const { code, stdout, stderr } = await caller.sudo("proxy", "start", "--port", String(port));
      assert.deepEqual([code, stdout, stderr], [0, `http://localhost:${port}\n`, ""]);
    }
    assert(await answers());
  });

  await t.step("files and processes are the caller's", async () => {
    assert.deepEqual([...await ownersOf(caller.home)], [NOBODY]);
    assert.deepEqual([...await usersOf(caller.home)], [NOBODY]);
  });

  await t.step("status says what keeps the port", async () => {
    const { keeper } = JSON.parse((await caller.moat("proxy", "status", "--json")).stdout);
    assert.match(await Deno.readTextFile(`/proc/${keeper}/comm`), /^moat keeps/);
    const { stdout } = await caller.moat("proxy", "status");
    assert.match(stdout, new RegExp(`Process ${keeper}, started by sudo, keeps port ${port} open`));
  });

  await t.step("clients of a daemon that was killed wait for the next one", async () => {
    const status = async () => JSON.parse((await caller.moat("status", "--json")).stdout);
    const { daemon: { pid } } = await status();
    kill9(pid);
    await until("its end", async () => {
      const processes = await processesOf([caller.home]);
      return !processes.some((process) => process.pid === pid);
    });
    assert(await answers());
    assert.notEqual((await status()).daemon.pid, pid);
  });

  await t.step("restart keeps the port without sudo", async () => {
    const { code, stdout } = await caller.moat("proxy", "restart");
    assert.deepEqual([code, stdout], [0, `http://localhost:${port}\n`]);
    assert(await answers());
  });

  await t.step(
    "when the process that keeps it is killed the router is gone, until sudo starts it again",
    async () => {
      const { keeper } = JSON.parse((await caller.moat("proxy", "status", "--json")).stdout);
      kill9(keeper);
      await until(
        "the router to be missed",
        async () => (await caller.moat("proxy", "status")).code === 1,
      );
      const { code } = await caller.sudo("proxy", "start", "--port", String(port));
      assert.equal(code, 0);
      assert(await answers());
    },
  );

  await t.step("stop frees it", async () => {
    assert.equal((await caller.moat("proxy", "stop")).code, 0);
    await until("the port is free", () => {
      try {
        Deno.listen({ hostname: "127.0.0.1", port }).close();
        return Promise.resolve(true);
      } catch (error) {
        if (error instanceof Deno.errors.AddrInUse) return Promise.resolve(false);
        throw error;
      }
    });
  });

  await t.step("a port that is taken is named with its holder, and nothing stays", async () => {
    using _taken = Deno.listen({ hostname: "127.0.0.1", port });
    const { code, stderr } = await caller.sudo("proxy", "start", "--port", String(port));
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`Cannot serve on port ${port}: .*\\(pid ${Deno.pid}\\) has it`),
    );
    assert.equal((await caller.moat("proxy", "status")).code, 1);
  });
});

Deno.test("sudo as a user that is not there is an error", needs, async () => {
  await using caller = await createCallersMoat();
  const { code, stderr } = await new Deno.Command(Deno.env.get("MOAT_TEST_BINARY") ?? "", {
    args: ["proxy", "start", "--port", "81"],
    env: { SUDO_UID: "4000000123", MOAT_HOME: caller.home },
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /the system knows no such user/);
  assert.deepEqual([...await ownersOf(caller.home)], []);
});
