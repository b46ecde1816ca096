import assert from "node:assert/strict";
import { DetachKeys } from "./detach_keys.ts";

/** Chunks typed, what passes, whether it detaches. */
const CASES: readonly [string, readonly string[], string, boolean][] = [
  ["plain text", ["ls\r"], "ls\r", false],
  ["both keys in one chunk", ["ab\x1fdcd"], "ab", true],
  ["the keys in two chunks", ["\x1f", "d"], "", true],
  ["another key behind the first", ["\x1f", "x"], "\x1fx", false],
  ["the first key twice, then d", ["\x1f\x1fd"], "\x1f", true],
  ["d alone", ["d"], "d", false],
  ["a kitty keyboard", ["\x1b[47;5u", "\x1b[47;5:3u", "\x1b[100;1:1u"], "", true],
  ["xterm's modified keys", ["\x1b[27;5;47~d"], "", true],
  ["an arrow key", ["\x1b[A"], "\x1b[A", false],
  ["bytes that are not UTF-8", ["\x1f\xff\x80"], "\x1f\xff\x80", false],
];

for (const [name, chunks, passed, detaches] of CASES) {
  Deno.test(`DetachKeys scans ${name}`, () => {
    const keys = new DetachKeys();
    let seen = "";
    let detach = false;
    for (const chunk of chunks) {
      const result = keys.scan(Uint8Array.from(chunk, (character) => character.charCodeAt(0)));
      seen += String.fromCharCode(...result.pass);
      detach ||= result.detach;
      if (detach) break;
    }
    assert.deepEqual([seen, detach], [passed, detaches]);
  });
}

Deno.test("DetachKeys.flush() returns a first key that nothing followed", () => {
  const keys = new DetachKeys();
  keys.scan(Uint8Array.of(0x1f));
  assert.equal(keys.isHolding, true);
  assert.deepEqual([...keys.flush()], [0x1f]);
  assert.equal(keys.isHolding, false);
});
