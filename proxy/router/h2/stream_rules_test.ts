import assert from "node:assert/strict";
import {
  ACK,
  CONTINUATION,
  DATA,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  type Frame,
  FrameScanner,
  HEADERS,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  type Verdict,
  WINDOW_UPDATE,
} from "./frames.ts";
import { MAX_STREAMS, StreamRules } from "./stream_rules.ts";

const MAX_WINDOW = 2 ** 31 - 1;

function frame(type: number, stream: number, changes: Partial<Frame> = {}): Frame {
  const payload = changes.payload ?? new Uint8Array();
  return { type, stream, flags: 0, length: payload.length, payload, ...changes };
}

function number(value: number, prefix: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(prefix.length + 4);
  bytes.set(prefix);
  new DataView(bytes.buffer).setUint32(prefix.length, value);
  return bytes;
}

function createBench() {
  const refused: (readonly [number, number])[] = [];
  const rules = new StreamRules((stream, code) => refused.push([stream, code]));
  const grow = (stream: number, by: number): Verdict =>
    rules.fromClient(frame(WINDOW_UPDATE, stream, { payload: number(by) }));
  return { rules, refused, grow };
}

Deno.test("StreamRules lets pass what was on its way when the server reset a stream", () => {
  const { rules } = createBench();
  rules.fromClient(frame(HEADERS, 1));
  rules.fromServer(frame(RST_STREAM, 1));
  assert.equal(rules.fromClient(frame(DATA, 1, { length: 100 })), "pass");
  assert.equal(rules.fromClient(frame(DATA, 1, { flags: END_STREAM })), "pass");
  assert.equal(rules.fromClient(frame(DATA, 1)), STREAM_CLOSED);
});

Deno.test("StreamRules lets a client go on that got its whole answer early", () => {
  const { rules } = createBench();
  rules.fromClient(frame(HEADERS, 1));
  rules.fromServer(frame(HEADERS, 1, { flags: END_STREAM }));
  assert.equal(rules.fromClient(frame(DATA, 1)), "pass");
  assert.equal(rules.fromClient(frame(HEADERS, 1, { flags: END_STREAM })), "pass");
  assert.equal(rules.fromClient(frame(HEADERS, 1)), STREAM_CLOSED);
});

Deno.test("StreamRules counts what the server has sent against a stream's window", () => {
  const { rules, refused, grow } = createBench();
  rules.fromClient(frame(HEADERS, 1, { flags: END_STREAM }));
  assert.equal(grow(1, MAX_WINDOW - 65_535), "pass");
  rules.fromServer(frame(DATA, 1, { length: 5 }));
  assert.equal(grow(1, 5), "pass");
  assert.deepEqual(refused, []);
  assert.equal(grow(1, 1), "drop");
  assert.equal(grow(1, 1), "drop");
  assert.deepEqual(refused, [[1, FLOW_CONTROL_ERROR]]);
});

Deno.test("StreamRules knows the window that the client gives streams from the start", () => {
  const { rules, refused, grow } = createBench();
  rules.fromClient(frame(HEADERS, 1, { flags: END_STREAM }));
  rules.fromClient(frame(SETTINGS, 0, { payload: number(0, [0, 4]) }));
  assert.equal(grow(1, MAX_WINDOW), "pass");
  rules.fromClient(frame(HEADERS, 3, { flags: END_STREAM }));
  assert.equal(grow(3, MAX_WINDOW), "pass");
  assert.deepEqual(refused, []);
});

Deno.test("StreamRules has a stream refused that is one too many, until another is over", () => {
  const { rules, refused } = createBench();
  const begin = (id: number) => rules.fromClient(frame(HEADERS, id, { flags: END_STREAM }));
  for (let count = 0; count <= MAX_STREAMS; count++) begin(2 * count + 1);
  const tooMany = 2 * MAX_STREAMS + 1;
  assert.deepEqual(refused, [[tooMany, REFUSED_STREAM]]);
  rules.fromServer(frame(RST_STREAM, tooMany));
  rules.fromServer(frame(HEADERS, 1, { flags: END_STREAM }));
  begin(tooMany + 2);
  assert.equal(refused.length, 1);
});

Deno.test("StreamRules keeps from the server what answers settings that are not its own", () => {
  const { rules } = createBench();
  const ack = frame(SETTINGS, 0, { flags: ACK });
  assert.equal(rules.fromClient(frame(SETTINGS, 0)), "pass");
  assert.equal(rules.fromClient(ack), "drop");
  assert.equal(rules.fromClient(ack), "pass");
});

Deno.test("StreamRules remembers no stream that is over", () => {
  const { rules, grow } = createBench();
  rules.fromClient(frame(HEADERS, 1, { flags: END_STREAM }));
  rules.fromServer(frame(DATA, 1, { flags: END_STREAM }));
  assert.equal(grow(1, MAX_WINDOW), "pass");
});

/** A frame as bytes. */
function bytesOf(type: number, stream: number, payload: readonly number[]): number[] {
  return [0, 0, payload.length, type, 0, 0, 0, 0, stream, ...payload];
}

Deno.test("FrameScanner finds the same frames however the bytes come, and drops whole ones", () => {
  const input = new Uint8Array([
    ...[1, 2, 3],
    ...bytesOf(DATA, 1, [9, 9, 9, 9]),
    ...bytesOf(WINDOW_UPDATE, 3, [0, 0, 0, 7]),
    ...bytesOf(DATA, 5, []),
  ]);
  const expected = [1, 2, 3, ...bytesOf(DATA, 1, [9, 9, 9, 9]), ...bytesOf(DATA, 5, [])];
  for (let size = 1; size <= input.length; size++) {
    const streams: number[] = [];
    const scanner = new FrameScanner(({ type, stream, payload }) => {
      streams.push(stream);
      if (type === WINDOW_UPDATE) assert.deepEqual([...payload], [0, 0, 0, 7]);
      return type === WINDOW_UPDATE ? "drop" : "pass";
    }, 3);
    const passed: number[] = [];
    let start = 0;
    for (let end = size; start < input.length; end = Math.min(end + size, input.length)) {
      for (let isMoving = true; isMoving;) {
        const { passEnd, next } = scanner.scan(input, start, end);
        passed.push(...input.subarray(start, passEnd));
        isMoving = next > passEnd;
        start = next;
      }
    }
    assert.deepEqual(passed, expected);
    assert.deepEqual(streams, [1, 3, 5]);
  }
});

Deno.test("StreamRules ends a head that comes in more than a few pieces", () => {
  const { rules } = createBench();
  for (const stream of [1, 3]) {
    rules.fromClient(frame(HEADERS, stream));
    for (let piece = 0; piece < 8; piece++) {
      assert.equal(rules.fromClient(frame(CONTINUATION, stream)), "pass");
    }
  }
  assert.equal(rules.fromClient(frame(CONTINUATION, 3)), ENHANCE_YOUR_CALM);
});
