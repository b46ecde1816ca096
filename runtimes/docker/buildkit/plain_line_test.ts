import assert from "node:assert/strict";
import { plainLine } from "./plain_line.ts";

const LINES: readonly (readonly [line: string, plain: string])[] = [
  ["plain é", "plain é"],
  ["10%\r20%\r", "20%"],
  ["\u001b[1;31merror:\u001b[0m bad", "error: bad"],
  ["\u001b]0;title\u0007text", "text"],
  ["\u001b]0;never ended", ""],
  ["a\tb\u0007\u0000c\u009b", "a bc"],
  ["\u001b[2J\u001b[Hclean", "clean"],
];

for (const [line, plain] of LINES) {
  Deno.test(`plainLine() of ${JSON.stringify(line)}`, () => assert.equal(plainLine(line), plain));
}
