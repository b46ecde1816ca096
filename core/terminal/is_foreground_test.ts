import assert from "node:assert/strict";
import { isForeground } from "./is_foreground.ts";

/** Process group 200; the last number is the terminal's foreground group. */
const CASES: readonly (readonly [string, string, boolean])[] = [
  ["in the foreground", "100 (moat) S 1 200 1 34816 200 0", true],
  ["in the background", "100 (moat) S 1 200 1 34816 300 0", false],
  ["without a terminal", "100 (moat) S 1 200 1 0 -1 0", true],
  ["with a name that looks like fields", "100 (a) S 1 2 3) S 1 200 1 34816 300 0", false],
];

for (const [name, text, expected] of CASES) {
  Deno.test(`isForeground() reads a process ${name}`, async () => {
    const file = await Deno.makeTempFile({ prefix: "moat-stat-" });
    try {
      await Deno.writeTextFile(file, text);
      assert.equal(await isForeground(file), expected);
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("isForeground() is true where the system does not tell", async () => {
  assert.equal(await isForeground("/nonexistent/stat"), true);
});
