import assert from "node:assert/strict";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

for (const { label, env, isDocker } of runtimesUnderTest()) {
  Deno.test(`${label}: 20 runs started at once from separate processes`, async () => {
    await using home = await TestHome.create(env);
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const outcomes = await Promise.all(
      numbers.map((number) =>
        home.moat(["run", "--", "sh", "-c", `echo ${number}; exit ${number}`])
      ),
    );
    assert.deepEqual(
      outcomes.map(({ code, stdout, stderr }) => [code, stdout, code === 125 ? stderr : ""]),
      numbers.map((number) => [number, `${number}\n`, ""]),
    );
    const runs: unknown = JSON.parse(await home.ok(["list", "-a", "--json"]));
    assert.equal(Array.isArray(runs) && runs.length, 20);
  });

  Deno.test(`${label}: an attached run that was killed is orphaned, and clean removes it`, async () => {
    await using home = await TestHome.create(env);
    const child = home.spawn(["run", "--name", "victim", "--", "sh", "-c", "echo up; sleep 300"]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([reader.cancel(), child.stderr.cancel(), child.stdin.abort()]);
    const state = async () =>
      Object(Object(JSON.parse(await home.ok(["list", "--json"])))[0]).state;
    assert.equal(await state(), "orphaned");
    assert.equal(await state(), "orphaned", "list changes nothing");
    await home.ok(["clean", "--force"]);
    assert.equal(
      await until("the end of the orphan", async () => {
        const now = await state();
        return now !== "orphaned" && String(now);
      }),
      "failed",
    );
    assert.equal(await home.ok(["logs", "victim"]), "up\n");
    if (isDocker) assert.deepEqual(await engineObjects(env, home), []);
  });

  Deno.test(`${label}: Ctrl-C without a terminal stops the run`, async () => {
    await using home = await TestHome.create(env);
    const script = "trap 'echo stopping; exit 9' TERM INT; echo up; while :; do sleep 0.05; done";
    const child = home.spawn(["run", "--", "sh", "-c", script]);
    let seen = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        if (seen === "") child.kill("SIGINT");
        seen += text;
      }
    })();
    const [{ code }] = await Promise.all([
      child.status,
      reading,
      child.stderr.cancel(),
      child.stdin.abort(),
    ]);
    assert.deepEqual([code, seen], [9, "up\nstopping\n"]);
  });
}

/** Names of everything on the engine that carries this home's id. */
async function engineObjects(
  env: Readonly<Record<string, string>>,
  home: TestHome,
): Promise<readonly string[]> {
  const { homeId } = Object(JSON.parse(await home.ok(["status", "--json"])));
  assert.match(String(homeId), /^[0-9a-f]{16}$/);
  const names = await Promise.all([["ps", "-aq"], ["network", "ls", "-q"]].map(async (args) => {
    const { stdout } = await new Deno.Command("docker", {
      args: [...args, "--filter", `label=moat.home=${homeId}`],
      env: { ...env },
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
  }));
  return names.flat();
}
