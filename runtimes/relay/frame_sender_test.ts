import assert from "node:assert/strict";
import { FrameSender } from "./frame_sender.ts";
import { SAYS } from "./frames.ts";

const WORD = { connection: 1, says: SAYS.gone, data: new Uint8Array(1000) } as const;

Deno.test("FrameSender writes at once, and what has gathered meanwhile in one piece", async () => {
  const written: number[] = [];
  const sender = new FrameSender((data) => {
    written.push(data.length);
    return Promise.resolve();
  }, { giveUp: () => assert.fail("nothing is wrong") });
  for (let count = 0; count < 3; count++) sender.send(WORD);
  await sender.flushed();
  assert.deepEqual(written, [1007, 2014]);
});

Deno.test("FrameSender gives a relay up that does not listen, and keeps nothing for it", async () => {
  const stuck = Promise.withResolvers<void>();
  let given = 0;
  const sender = new FrameSender(() => stuck.promise, { giveUp: () => void given++ });
  for (let count = 0; count < 10_000; count++) sender.send(WORD);
  assert.equal(given, 0);
  assert.ok(sender.room() instanceof Promise);
  for (let count = 0; count < 10_000; count++) sender.send(WORD);
  assert.equal(given, 1);
  assert.equal(sender.room(), undefined);
  stuck.reject(new Error("ended"));
  await sender.flushed();
});
