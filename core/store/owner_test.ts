import assert from "node:assert/strict";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { isOwned, takeOwnership, whenUnowned } from "./owner.ts";
import { runPaths } from "./paths.ts";

Deno.test("takeOwnership() lets one have it, and isOwned() sees it", async () => {
  await using home = await createTestHome();
  const paths = runPaths(home.paths, "run_000000000001");
  assert.equal(await isOwned(paths), false);
  {
    await using owner = await takeOwnership(paths);
    assert(owner !== undefined);
    assert.equal(await isOwned(paths), true);
    assert.equal(await takeOwnership(paths, { timeoutMs: 0 }), undefined);
  }
  assert.equal(await isOwned(paths), false);
});

Deno.test("takeOwnership() is not kept out by a reader's probe", async () => {
  await using home = await createTestHome();
  const paths = runPaths(home.paths, "run_000000000001");
  await (await takeOwnership(paths))?.[Symbol.asyncDispose]();
  const probe = await Deno.open(paths.owner, { read: true });
  assert.equal(await probe.tryLock(false), true);
  setTimeout(() => probe.close(), 50);
  await using owner = await takeOwnership(paths);
  assert(owner !== undefined);
});

Deno.test("isOwned() is false as soon as the owner was killed", async () => {
  await using home = await createTestHome();
  const paths = runPaths(home.paths, "run_000000000001");
  const owner = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      OWNER,
      new URL("./owner.ts", import.meta.url).href,
      JSON.stringify(paths),
    ],
    stdout: "piped",
  }).spawn();
  const reader = owner.stdout.getReader();
  await reader.read();
  assert.equal(await isOwned(paths), true);
  const free = whenUnowned(paths);
  owner.kill("SIGKILL");
  await owner.status;
  await reader.cancel();
  await free;
  assert.equal(await isOwned(paths), false);
});

const OWNER = `
  const { takeOwnership } = await import(Deno.args[0]);
  const owner = await takeOwnership(JSON.parse(Deno.args[1]));
  console.log("owned");
  setInterval(() => owner, 1000);
`;
