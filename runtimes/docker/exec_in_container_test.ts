import assert from "node:assert/strict";
import { createHomeId } from "../../core/ids.ts";
import { describeError } from "../../core/errors.ts";
import { startFakeEngine } from "../../tests/helpers/fake_engine.ts";
import { docker } from "./plugin.ts";

/** What is said of a command in container "db", where the engine refuses so. */
async function refusal(status: number, message: string): Promise<string> {
  await using engine = await startFakeEngine("runc");
  engine.answer = (_method, path) =>
    path === "/containers/db/exec" ? Response.json({ message }, { status }) : undefined;
  await using runtime = await docker.open(
    { os: "linux", arch: "amd64", env: {}, stateDir: "", home: createHomeId() },
    engine.target,
  );
  const spec = { command: ["id"], env: {}, workdir: "/", uid: 0, gid: 0, tty: false, stdin: false };
  try {
    await runtime.exec("db", spec);
    return "";
  } catch (error) {
    return describeError(error);
  }
}

Deno.test("a command in a container that ended: said once, without the engine's ids", async () => {
  const expected = 'Cannot run a command in container "db": it is not running';
  assert.equal(await refusal(409, "Container 5ea9cd39a19 is not running"), expected);
  assert.equal(await refusal(404, "No such container: db"), expected);
});

Deno.test("a command in a paused container: what the engine says", async () => {
  assert.equal(
    await refusal(409, "Container db is paused, unpause the container before exec"),
    'Cannot run a command in container "db": Container db is paused, unpause the container before exec',
  );
});
