import assert from "node:assert/strict";
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from "./frames.ts";

Deno.test("FrameDecoder gives messages however their bytes are cut", () => {
  const messages = [{ kind: "ready" }, "ä".repeat(5_000), null];
  const bytes = Uint8Array.from(messages.flatMap((message) => [...encodeFrame(message)]));
  for (const size of [1, 3, 4_096, bytes.length]) {
    const decoder = new FrameDecoder();
    const read: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      read.push(...decoder.push(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(read, messages);
  }
});

Deno.test("a message that is too long is refused by its length alone, at both ends", () => {
  assert.throws(() => encodeFrame("x".repeat(MAX_FRAME_BYTES)), RangeError);
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, MAX_FRAME_BYTES + 1);
  assert.throws(() => new FrameDecoder().push(header), RangeError);
  assert.throws(() => new FrameDecoder().push(new Uint8Array([0, 0, 0, 1, 120])), SyntaxError);
});
