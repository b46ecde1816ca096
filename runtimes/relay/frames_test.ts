import assert from "node:assert/strict";
import {
  type Frame,
  FrameError,
  FrameReader,
  grantOf,
  HEAD_BYTES,
  parseGrant,
  putFrame,
  SAYS,
} from "./frames.ts";

const FRAMES: readonly Frame[] = [
  { connection: 0, says: SAYS.ready, data: new Uint8Array(0) },
  { connection: 1, says: SAYS.open, data: new Uint8Array(0) },
  { connection: 1, says: SAYS.data, data: Uint8Array.from({ length: 300 }, (_, i) => i % 251) },
  { connection: 0xffffffff, says: SAYS.grant, data: grantOf(70_000) },
  { connection: 2, says: SAYS.data, data: new Uint8Array(3000).fill(7) },
  { connection: 1, says: SAYS.end, data: new Uint8Array(0) },
  { connection: 1, says: SAYS.gone, data: new Uint8Array(0) },
];

Deno.test("FrameReader reads what putFrame() wrote, wherever it is cut", () => {
  const bytes = encode(FRAMES);
  for (const size of [1, 6, 7, 8, 1000, bytes.length]) {
    const reader = new FrameReader();
    const read: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      read.push(...reader.push(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(joined(read), FRAMES);
  }
});

Deno.test("FrameReader takes no word for long, and no word that it does not know", () => {
  const long = { connection: 1, says: SAYS.open, data: new Uint8Array(2000) };
  assert.throws(() => [...new FrameReader().push(encode([long]))], FrameError);
  const bytes = encode([{ connection: 1, says: SAYS.end, data: new Uint8Array(0) }]);
  bytes[4] = 99;
  assert.throws(() => [...new FrameReader().push(bytes)], FrameError);
});

Deno.test("parseGrant() reads what grantOf() wrote, and nothing else", () => {
  assert.equal(parseGrant(grantOf(0xfffffffe)), 0xfffffffe);
  assert.throws(() => parseGrant(new Uint8Array(3)), FrameError);
});

function encode(frames: readonly Frame[]): Uint8Array {
  const sizes = frames.map(({ data }) => HEAD_BYTES + data.length);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const [index, frame] of frames.entries()) {
    putFrame(bytes, at, frame);
    at += sizes[index] ?? 0;
  }
  return bytes;
}

/** Parts of one connection's data, together. */
function joined(frames: readonly Frame[]): readonly Frame[] {
  const whole: Frame[] = [];
  for (const frame of frames) {
    const last = whole.at(-1);
    if (
      last?.says === SAYS.data && frame.says === SAYS.data && last.connection === frame.connection
    ) {
      whole.pop();
      whole.push({ ...frame, data: Uint8Array.from([...last.data, ...frame.data]) });
    } else whole.push({ ...frame, data: frame.data.slice() });
  }
  return whole;
}
