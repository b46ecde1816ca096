import assert from "node:assert/strict";
import { join } from "node:path";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { MoatError, UnavailableError } from "../errors.ts";
import { callControl, serveControl } from "./control.ts";
import { prepareSocketPath } from "./socket_path.ts";

Deno.test("callControl() gets the handler's answer", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  await using _ = serveControl(
    path,
    ({ method, n }) => Promise.resolve({ method, twice: Number(n) * 2 }),
  );
  assert.deepEqual(await callControl(path, { method: "x", n: 21 }), { method: "x", twice: 42 });
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("callControl() throws what the handler threw, with hint and exit code", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  const failure = new MoatError("Cannot x", { hint: "do y", exitCode: 3 });
  await using _ = serveControl(path, () => Promise.reject(failure));
  await assert.rejects(callControl(path, { method: "x" }), (error: unknown) => {
    assert(error instanceof MoatError);
    assert.deepEqual([error.message, error.hint, error.exitCode], ["Cannot x", "do y", 3]);
    return true;
  });
});

Deno.test("callControl() says that nobody serves", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  await assert.rejects(callControl(path, { method: "x" }), UnavailableError);
});

Deno.test("callControl() gives up when its time is over or the signal says so", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  const never = Promise.withResolvers<void>();
  await using _ = serveControl(path, () => never.promise);
  await assert.rejects(callControl(path, { method: "x" }, { timeoutMs: 20 }), UnavailableError);
  const signal = AbortSignal.abort(new MoatError("interrupted"));
  await assert.rejects(callControl(path, { method: "x" }, { signal }), /interrupted/);
  never.resolve();
});

Deno.test("serveControl() survives a client that sends nothing, and one that sends nonsense", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  await using _ = serveControl(path, () => Promise.resolve("ok"));
  (await Deno.connect({ transport: "unix", path })).close();
  using nonsense = await Deno.connect({ transport: "unix", path });
  await nonsense.write(new TextEncoder().encode("{]\n"));
  const answer = new Uint8Array(1000);
  const count = await nonsense.read(answer) ?? 0;
  assert.match(new TextDecoder().decode(answer.subarray(0, count)), /"error"/);
  assert.equal(await callControl(path, { method: "x" }), "ok");
});

Deno.test("prepareSocketPath() leaves a short path and replaces what is there", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "a.sock");
  await Deno.writeTextFile(path, "");
  assert.equal(await prepareSocketPath(path), path);
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("prepareSocketPath() goes to a directory of the user's own when the path is long", async () => {
  await using home = await createTestHome();
  const long = join(home.directory, "x".repeat(100), "a.sock");
  const options = { temporary: home.directory };
  const path = await prepareSocketPath(long, options);
  assert(path.startsWith(join(home.directory, `moat-${Deno.uid()}`)));
  assert.notEqual(path, await prepareSocketPath(`${long}2`, options));
  Deno.chmodSync(join(path, ".."), 0o755);
  await assert.rejects(prepareSocketPath(long, options), /not a directory of yours/);
  await Deno.remove(join(path, ".."));
  await Deno.symlink(home.directory, join(path, ".."));
  await assert.rejects(prepareSocketPath(long, options), /not a directory of yours/);
});
