import assert from "node:assert/strict";
import { OutputTail } from "./output_tail.ts";

Deno.test("OutputTail joins lines that were cut, each stream on its own", () => {
  const tail = new OutputTail();
  tail.add("split li", false);
  tail.add("warn", true);
  tail.add("ne\nnext\n", false);
  tail.add("ing\n", true);
  assert.deepEqual(tail.lastLines(), ["split line", "next", "warning"]);
  assert.equal(tail.newest(), "warning");
});

Deno.test("OutputTail keeps the last 20 lines, without blank ones", () => {
  const tail = new OutputTail();
  for (let line = 1; line <= 30; line++) tail.add(`line ${line}\n\n`, false);
  const lines = tail.lastLines();
  assert.equal(lines.length, 20);
  assert.equal(lines.at(0), "line 11");
  assert.equal(lines.at(-1), "line 30");
});

Deno.test("OutputTail keeps complaints although much is printed", () => {
  const tail = new OutputTail();
  tail.add("oops\n", true);
  for (let line = 1; line <= 300; line++) tail.add(`line ${line}\n`, false);
  assert.equal(tail.lastLines().length, 20);
  assert.equal(tail.lastLines().at(0), "oops");
});

Deno.test("OutputTail shares its room when both streams are long", () => {
  const tail = new OutputTail();
  for (let line = 1; line <= 40; line++) {
    tail.add(`out ${line}\n`, false);
    tail.add(`err ${line}\n`, true);
  }
  const lines = tail.lastLines();
  assert.deepEqual([lines.length, lines.at(0), lines.at(-1)], [20, "out 31", "err 40"]);
});

Deno.test("OutputTail shows a last line that has no end, and what a redraw left", () => {
  const tail = new OutputTail();
  tail.add("10%\r30%\r\n\u001b[31mbad", false);
  assert.deepEqual(tail.lastLines(), ["30%", "bad"]);
});

Deno.test("OutputTail does not grow with a line that never ends", () => {
  const tail = new OutputTail();
  for (let piece = 0; piece < 100; piece++) tail.add("x".repeat(1000), false);
  assert.equal(tail.lastLines().at(0)?.length, 10_000);
});
