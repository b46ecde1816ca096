import assert from "node:assert/strict";
import { has } from "../../tests/helpers/machine.ts";
import { applyLimits, findGroups, removeLimits, wasOutOfMemory } from "./cgroup.ts";
import { controllerParent } from "./cgroup_layout.ts";

const canLimit = has("linux") && has("root") && await groupsWork();

async function groupsWork(): Promise<boolean> {
  const child = sleeper();
  const { notices, groups } = await applyLimits({
    name: `moat-test-${crypto.randomUUID()}`,
    limits: { memoryBytes: 1 << 30, cpus: 1 },
    pid: child.pid,
  });
  child.kill("SIGKILL");
  await child.status;
  await removeLimits(groups);
  return notices.length === 0;
}

function sleeper(): Deno.ChildProcess {
  return new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
}

async function fakeHierarchy(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  await Deno.mkdir(`${path}/user/app`, { recursive: true });
  await Deno.writeTextFile(`${path}/user/cgroup.subtree_control`, "");
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("controllerParent() is our own group with version 1", () => {
  const parent = controllerParent("memory", {
    mountinfo: "30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
      "31 1 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n" +
      "32 1 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    membership: "4:memory:/a/b:c\n2:cpuacct,cpu:/\n0::/x\n",
  });
  assert.deepEqual(parent, { version: 1, path: "/sys/fs/cgroup/memory/a/b:c" });
});

Deno.test("controllerParent() is beside our own group with version 2", () => {
  const facts = {
    mountinfo: "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    membership: "0::/user.slice/app.slice/term.scope\n",
  };
  assert.deepEqual(controllerParent("pids", facts), {
    version: 2,
    path: "/sys/fs/cgroup/user.slice/app.slice",
  });
  assert.deepEqual(controllerParent("pids", { ...facts, membership: "0::/\n" }), {
    version: 2,
    path: "/sys/fs/cgroup",
  });
});

Deno.test("controllerParent() is undefined where no hierarchy is mounted", () => {
  assert.equal(controllerParent("cpu", { mountinfo: "", membership: "" }), undefined);
});

Deno.test("applyLimits() writes the files of version 2", async () => {
  await using tree = await fakeHierarchy();
  const group = `${tree.path}/user/moat-x`;
  await Deno.mkdir(group);
  for (const file of ["memory.max", "memory.swap.max", "cpu.max", "pids.max", "cgroup.procs"]) {
    await Deno.writeTextFile(`${group}/${file}`, "");
  }
  const { notices, groups } = await applyLimits(
    { name: "moat-x", limits: { memoryBytes: 268435456, cpus: 1.5 }, pid: 4711 },
    {
      mountinfo: `30 1 0:26 / ${tree.path} rw - cgroup2 cgroup2 rw\n`,
      membership: "0::/user/app\n",
    },
  );
  assert.deepEqual([notices, groups], [[], [group]]);
  const read = (file: string) => Deno.readTextFile(`${group}/${file}`);
  assert.equal(await read("memory.max"), "268435456");
  assert.equal(await read("memory.swap.max"), "0");
  assert.equal(await read("cpu.max"), "150000 100000");
  assert.equal(await read("pids.max"), "4096");
  assert.equal(await read("cgroup.procs"), "4711");
});

Deno.test("applyLimits() says in one notice what cannot be enforced", async () => {
  const { notices, groups } = await applyLimits(
    { name: "moat-x", limits: { memoryBytes: 268435456, cpus: 1 }, pid: 1 },
    { mountinfo: "", membership: "" },
  );
  assert.deepEqual(groups, []);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /memory, cpus/);
});

Deno.test("applyLimits() is silent when nothing was asked for", async () => {
  const applied = await applyLimits({ name: "moat-x", limits: {}, pid: 1 }, {
    mountinfo: "",
    membership: "",
  });
  assert.deepEqual(applied, { notices: [], groups: [] });
});

Deno.test("findGroups() finds them by name alone", { ignore: !canLimit }, async () => {
  const child = sleeper();
  const name = `moat-test-${crypto.randomUUID()}`;
  const { groups } = await applyLimits({ name, limits: { cpus: 1 }, pid: child.pid });
  assert.deepEqual([...await findGroups(name)].sort(), [...groups].sort());
  child.kill("SIGKILL");
  await child.status;
  await removeLimits(groups);
  assert.deepEqual(await findGroups(name), []);
});

Deno.test("removeLimits() leaves nothing and can be repeated", { ignore: !canLimit }, async () => {
  const child = sleeper();
  const { groups } = await applyLimits({
    name: `moat-test-${crypto.randomUUID()}`,
    limits: { memoryBytes: 1 << 28 },
    pid: child.pid,
  });
  assert.ok(groups.length > 0);
  child.kill("SIGKILL");
  await child.status;
  await removeLimits(groups);
  for (const group of groups) await assert.rejects(Deno.stat(group), Deno.errors.NotFound);
  await removeLimits(groups);
});

/** Limits a shell that waits for a line, then lets it run the Perl program. */
async function runLimited(
  program: string,
  limits: { memoryBytes?: number; cpus?: number },
): Promise<{ code: number; outOfMemory: boolean; output: string }> {
  const child = new Deno.Command("sh", {
    args: ["-c", 'read -r go; perl -e "$0"', program],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const name = `moat-test-${crypto.randomUUID()}`;
  const { groups } = await applyLimits({ name, limits, pid: child.pid });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();
  const { code, stdout } = await child.output();
  const outOfMemory = await wasOutOfMemory(groups);
  await removeLimits(groups);
  return { code, outOfMemory, output: new TextDecoder().decode(stdout) };
}

Deno.test("a command over its memory is killed and said to be", { ignore: !canLimit }, async () => {
  const hungry = '$x = "a" x (300 * 1024 * 1024); print length $x';
  const over = await runLimited(hungry, { memoryBytes: 128 * 1024 * 1024 });
  assert.equal(over.code, 137);
  assert.equal(over.outOfMemory, true);
  const within = await runLimited(hungry, { memoryBytes: 1024 * 1024 * 1024 });
  assert.deepEqual(within, { code: 0, outOfMemory: false, output: String(300 * 1024 * 1024) });
});

Deno.test(
  "a command gets no more processor time than its share",
  { ignore: !canLimit },
  async () => {
    // A quarter of a processor for 0.4 s of its time takes at least 1.2 s by the clock.
    const busy = "use Time::HiRes 'time'; $t = time; 1 while (times)[0] < 0.4; print time - $t";
    const { output } = await runLimited(
      busy.replace("use Time::HiRes 'time'; ", "").replace(
        /time; 1/,
        "time; 1",
      ),
      { cpus: 0.2 },
    );
    assert.ok(Number(output) >= 1, output);
  },
);
