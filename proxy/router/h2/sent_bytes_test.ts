import assert from "node:assert/strict";
import { SentBytes } from "./sent_bytes.ts";

/** Whether it has resolved, once what waited for it has run. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  const notYet = Symbol();
  return await Promise.race([promise, Promise.resolve(notYet)]) !== notYet;
}

Deno.test("SentBytes waits until so much of that stream has been sent", async () => {
  const sent = new SentBytes();
  sent.begin(1);
  sent.begin(3);
  const reached = sent.reach(1, 100);
  sent.add(3, 1000);
  sent.add(1, 99);
  assert.equal(await isDone(reached), false);
  sent.add(1, 1);
  await reached;
  await sent.reach(1, 100);
});

Deno.test("SentBytes lets go of who waits for a stream that is over", async () => {
  const sent = new SentBytes();
  sent.begin(1);
  const reached = sent.reach(1, 100);
  sent.end(1);
  await reached;
  await sent.reach(1, 100);
});
