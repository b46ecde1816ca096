import assert from "node:assert/strict";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

async function list(home: TestHome): Promise<readonly Listed[]> {
  const value: unknown = JSON.parse(await home.ok(["list", "-a", "--json"]));
  assert(Array.isArray(value));
  return value;
}

for (const { label, env, isDocker } of runtimesUnderTest()) {
  Deno.test(`${label}: a detached run prints its id, keeps logs and exit code`, async () => {
    await using home = await TestHome.create(env);
    const { code, stdout, stderr } = await home.moat([
      "run",
      "-d",
      "--name",
      "job",
      "--",
      "sh",
      "-c",
      "echo begun; read line; echo ended; exit 5",
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^run_[0-9a-f]{12}\n$/);
    assert.match(stderr, /Started "job" \(run_[0-9a-f]{12}\)/);
    assert.equal((await home.moat(["wait", "job"])).code, 5);
    assert.equal(await home.ok(["logs", "job"]), "begun\nended\n");
    assert.equal((await list(home))[0]?.state, "stopped");
  });

  Deno.test(`${label}: logs -f of a live run ends with it`, async () => {
    await using home = await TestHome.create(env);
    const script = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two";
    await home.ok(["run", "-d", "--name", "live", "--", "sh", "-c", script]);
    const follower = home.spawn(["logs", "-f", "live"]);
    await follower.stdin.close();
    let seen = "";
    const reading = (async () => {
      for await (const text of follower.stdout.pipeThrough(new TextDecoderStream())) seen += text;
    })();
    await until("the first line", () => Promise.resolve(seen.includes("one")));
    await home.write("go", "");
    await reading;
    assert.equal(seen, "one\ntwo\n");
    await follower.stderr.cancel();
    assert.equal((await follower.status).code, 0);
  });

  Deno.test(`${label}: stop ends a detached run; destroy removes its record`, async () => {
    await using home = await TestHome.create(env);
    const id = (await home.ok(["run", "-d", "--", "sleep", "300"])).trim();
    assert.equal((await home.moat(["destroy", id])).code, 1);
    await home.ok(["stop", "-t", "1", id]);
    assert.equal((await list(home))[0]?.state, "stopped");
    await home.ok(["destroy", id]);
    assert.deepEqual(await list(home), []);
  });

  Deno.test(`${label}: a name in use by a live run is refused and free afterwards`, async () => {
    await using home = await TestHome.create(env);
    await home.ok(["run", "-d", "--name", "taken", "--", "sleep", "300"]);
    const refused = await home.moat(["run", "--name", "taken", "--", "true"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /taken/);
    assert.match(refused.stderr, /--name/);
    await home.ok(["stop", "-t", "0", "taken"]);
    await home.ok(["run", "--name", "taken", "--", "true"]);
  });

  Deno.test(`${label}: exec runs beside the command and gives its exit code`, async () => {
    await using home = await TestHome.create(env);
    await home.ok(["run", "-d", "--name", "host", "--", "sleep", "300"]);
    const { code, stdout, stderr } = await home.moat(
      ["exec", "host", "--", "sh", "-c", "cat; pwd; exit 3"],
      { input: "fed\n" },
    );
    assert.deepEqual([code, stdout], [3, "fed\n/workspace\n"], stderr);
  });

  Deno.test(`${label}: the daemon's death by kill -9 loses nothing of a detached run`, async () => {
    await using home = await TestHome.create(env);
    const script = "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after; exit 6";
    await home.ok(["run", "-d", "--name", "survivor", "--", "sh", "-c", script]);
    const status: unknown = JSON.parse(await home.ok(["status", "--json"]));
    const pid = Number(Object(Object(status).daemon).pid);
    assert(pid > 1, `status --json names the daemon: ${JSON.stringify(status)}`);
    Deno.kill(pid, "SIGKILL");
    await home.write("go", "");
    assert.equal((await home.moat(["wait", "survivor"])).code, 6);
    assert.equal(await home.ok(["logs", "survivor"]), "before\nafter\n");
  });

  if (isDocker) {
    Deno.test(`${label}: two homes on one engine do not touch each other`, async () => {
      await using one = await TestHome.create(env);
      await using two = await TestHome.create(env);
      await one.ok(["run", "-d", "--name", "mine", "--", "sleep", "300"]);
      await two.ok(["run", "-d", "--name", "mine", "--", "sleep", "300"]);
      await two.ok(["stop", "-t", "0", "mine"]);
      await two.ok(["clean", "--force"]);
      assert.equal((await list(one))[0]?.state, "running");
      assert.equal((await one.moat(["exec", "mine", "--", "true"])).code, 0);
    });
  }
}
