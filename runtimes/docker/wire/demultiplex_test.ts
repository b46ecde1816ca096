import assert from "node:assert/strict";
import { Demultiplexer } from "./demultiplex.ts";

function frame(stream: number, text: string): Uint8Array {
  const data = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + data.length);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, data.length);
  bytes.set(data, 8);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function read(bytes: Uint8Array, pieceBytes: number): Record<string, string> {
  const demultiplexer = new Demultiplexer();
  const texts: Record<string, string> = {};
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const { stream, data, ends } of demultiplexer.push(bytes.subarray(at, at + pieceBytes))) {
      texts[stream] = (texts[stream] ?? "") + new TextDecoder().decode(data) + (ends ? "|" : "");
    }
  }
  return texts;
}

const STREAM = joined(frame(1, "hello"), frame(2, "oh"), frame(1, ""), frame(1, "x".repeat(300)));

for (const pieceBytes of [1, 2, 3, 7, 8, 9, 13, 1000]) {
  Deno.test(`Demultiplexer reads frames split every ${pieceBytes} bytes`, () => {
    assert.deepEqual(read(STREAM, pieceBytes), {
      stdout: `hello||${"x".repeat(300)}|`,
      stderr: "oh|",
    });
  });
}
