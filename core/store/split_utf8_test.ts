import assert from "node:assert/strict";
import { splitUtf8 } from "./split_utf8.ts";

const encoder = new TextEncoder();

for (const text of ["", "a", "ä", "€", "😀", "a😀b€", "\uFEFFbom", "\u0000\u001b[0m"]) {
  Deno.test(`splitUtf8() puts ${JSON.stringify(text)} together again, cut anywhere`, () => {
    const bytes = encoder.encode(text + text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const first = splitUtf8(bytes.subarray(0, cut), { maxBytes: 1000 });
      const rest = splitUtf8(Uint8Array.from([...first.tail, ...bytes.subarray(cut)]), {
        maxBytes: 1000,
      });
      const pieces = [...first.pieces, ...rest.pieces];
      assert.equal(pieces.map((piece) => piece.text).join(""), text + text);
      assert.equal(rest.tail.length, 0);
    }
  });
}

Deno.test("splitUtf8() keeps pieces within their size and characters whole", () => {
  const { pieces } = splitUtf8(encoder.encode("€".repeat(100)), { maxBytes: 10 });
  assert(pieces.every(({ data }) => data.length <= 10));
  assert.equal(pieces.map(({ text }) => text).join(""), "€".repeat(100));
});

Deno.test("splitUtf8() never loses a byte of what is not UTF-8", () => {
  for (let seed = 1; seed < 200; seed++) {
    const bytes = Uint8Array.from(
      { length: 50 },
      (_, index) => (seed * 131 + index * index * 7) % 256,
    );
    const { pieces, tail } = splitUtf8(bytes, { maxBytes: 16 });
    assert.deepEqual([...pieces.flatMap(({ data }) => [...data]), ...tail], [...bytes]);
    for (const { data, text } of pieces) {
      if (text !== undefined) assert.deepEqual(encoder.encode(text), data.slice());
    }
  }
});

Deno.test("splitUtf8() sets the end of a character apart, so that the rest is text", () => {
  const bytes = Uint8Array.from([0x82, 0xac, ...encoder.encode("text")]);
  const { pieces } = splitUtf8(bytes, { maxBytes: 1000 });
  assert.deepEqual(pieces.map(({ text }) => text), [undefined, "text"]);
});
