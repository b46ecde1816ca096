import assert from "node:assert/strict";
import { join } from "node:path";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import {
  isLocked,
  lockFile,
  lockFileSync,
  lockOpenFile,
  tryLockFile,
  whenUnlocked,
} from "./file_lock.ts";

Deno.test("one has the file until it lets go, and letting go twice takes it from nobody", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "lock");
  assert.equal(await isLocked(path), false);
  const first = await lockFile(path);
  assert.equal(await isLocked(path), true);
  assert.equal(await tryLockFile(path), undefined);
  assert.equal(await tryLockFile(path, { timeoutMs: 30 }), undefined);
  first[Symbol.dispose]();
  assert.equal(await isLocked(path), false);
  using _second = lockFileSync(path);
  first[Symbol.dispose]();
  assert.equal(await isLocked(path), true);
});

Deno.test("lockFile() says once that it waits, and can be aborted", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "lock");
  const holder = await lockFile(path);
  const abort = new AbortController();
  const leaving = lockFile(path, {
    signal: abort.signal,
    waiting: () => abort.abort(new Error("enough")),
  });
  await assert.rejects(leaving, /enough/);
  let waits = 0;
  const waiting = lockFile(path, {
    waiting() {
      waits++;
      setTimeout(() => holder[Symbol.dispose](), 50);
    },
  });
  using _ = await waiting;
  assert.equal(waits, 1);
});

Deno.test("whoever waits for the end of a lock does not take it", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "lock");
  await whenUnlocked(path);
  const holder = await lockFile(path);
  const abort = new AbortController();
  const leaving = whenUnlocked(path, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(leaving, /enough/);
  const ended = whenUnlocked(path);
  holder[Symbol.dispose]();
  await ended;
  using again = await tryLockFile(path, { timeoutMs: 1000 });
  assert(again !== undefined);
});

Deno.test("an open file stays open when its lock is let go, and others may have it", async () => {
  await using home = await createTestHome();
  const path = join(home.directory, "log");
  using file = await Deno.open(path, { create: true, write: true });
  {
    using _ = await lockOpenFile(file);
    assert.equal(await isLocked(path), true);
  }
  assert.equal(await isLocked(path), false);
  await file.write(new Uint8Array(1));
});
