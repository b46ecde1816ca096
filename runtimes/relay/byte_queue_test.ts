import assert from "node:assert/strict";
import { ByteQueue } from "./byte_queue.ts";

Deno.test("ByteQueue gives bytes back in order, however they are cut", () => {
  const queue = new ByteQueue();
  const given: number[] = [];
  const taken: number[] = [];
  const into = new Uint8Array(7000);
  for (let round = 0; round < 60; round++) {
    const data = Uint8Array.from({ length: (round * 977) % 9000 }, (_, i) => (i + round) % 256);
    queue.push(data);
    given.push(...data);
    const count = queue.shift(into.subarray(0, (round * 1301) % 7000));
    taken.push(...into.subarray(0, count));
  }
  while (queue.length > 0) taken.push(...into.subarray(0, queue.shift(into)));
  assert.deepEqual(taken, given);
});

Deno.test("ByteQueue copies what it is given", () => {
  const queue = new ByteQueue();
  const data = Uint8Array.of(1, 2);
  queue.push(data);
  data.fill(9);
  const into = new Uint8Array(5);
  assert.equal(queue.shift(into), 2);
  assert.deepEqual([...into], [1, 2, 0, 0, 0]);
});
