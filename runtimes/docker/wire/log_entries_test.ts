import assert from "node:assert/strict";
import { readTerminalEntries } from "./log_entries.ts";

async function* inPieces(text: string, bytes: number): AsyncGenerator<Uint8Array, void, void> {
  const all = new TextEncoder().encode(text);
  for (let at = 0; at < all.length; at += bytes) yield all.slice(at, at + bytes);
  await Promise.resolve();
}

const STAMP = "2026-01-02T03:04:05.000000007Z";
const LONG = "x".repeat(16384);
const STREAM = `${STAMP} one\r\n${STAMP} ${LONG}${STAMP} rest\r\n${STAMP} $ `;

for (const bytes of [1000, 7919, 100_000]) {
  Deno.test(`readTerminalEntries() tells entries apart, read ${bytes} bytes at a time`, async () => {
    const entries = await Array.fromAsync(readTerminalEntries(inPieces(STREAM, bytes)));
    assert.deepEqual(
      entries.map(({ data }) => new TextDecoder().decode(data)),
      ["one\r\n", LONG, "rest\r\n", "$ "],
    );
    assert.equal(entries[0]?.time, `${Date.UTC(2026, 0, 2, 3, 4, 5) / 1000}.000000007`);
  });
}
