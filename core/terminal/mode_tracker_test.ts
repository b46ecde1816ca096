import assert from "node:assert/strict";
import { ModeTracker } from "./mode_tracker.ts";

const CASES: readonly [string, readonly string[], string][] = [
  ["plain text", ["hello\r\n"], ""],
  ["a mode that was set and unset", ["\x1b[?1049h\x1b[?1049l"], ""],
  ["the alternate screen", ["\x1b[?1049h"], "\x1b[?1049l"],
  [
    "mouse, paste and focus in one sequence",
    ["\x1b[?1000;1006;2004h"],
    "\x1b[?1000l\x1b[?1006l\x1b[?2004l",
  ],
  ["a hidden cursor", ["\x1b[?25l"], "\x1b[?25h"],
  ["a sequence cut anywhere", ["\x1b", "[?", "10", "49", "h"], "\x1b[?1049l"],
  ["kitty keys, on both screens", ["\x1b[?1049h\x1b[>1u"], "\x1b[=0;1u\x1b[?1049l\x1b[=0;1u"],
  ["kitty keys that were popped", ["\x1b[>1u\x1b[<u"], ""],
  ["colours that were left on", ["\x1b[1;31mred"], "\x1b[m"],
  ["colours that were reset", ["\x1b[1;31mred\x1b[0m"], ""],
  ["a scroll region, with the cursor kept", ["\x1b[1;20r"], "\x1b7\x1b[r\x1b8"],
  ["a full reset", ["\x1b[?1049h\x1b[?25l\x1bc"], ""],
  ["xterm's modified keys", ["\x1b[>4;2m"], "\x1b[>4m"],
  ["modified keys that were reset", ["\x1b[>4;2m\x1b[>4;m"], ""],
  ["an endless sequence", ["\x1b[" + "1;".repeat(200)], ""],
];

for (const [name, chunks, expected] of CASES) {
  Deno.test(`ModeTracker undoes ${name}`, () => {
    const tracker = new ModeTracker();
    for (const chunk of chunks) tracker.see(new TextEncoder().encode(chunk));
    assert.equal(tracker.resets(), expected);
  });
}
