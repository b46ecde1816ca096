import assert from "node:assert/strict";
import { comparePaths, contextTree } from "./context_tree.ts";

const FILE = { content: "x", mode: 0o644 };

Deno.test("contextTree() puts parents first and a directory's content right behind it", () => {
  const tree = contextTree({ "a.b": FILE, "a/c/d": FILE, "a-b": FILE, "a/b": FILE, "B": FILE });
  assert.deepEqual(tree.map(({ path }) => path), ["B", "a", "a/b", "a/c", "a/c/d", "a-b", "a.b"]);
});

Deno.test("contextTree() writes modes as Go does", () => {
  const tree = contextTree({ "a/run.sh": { content: "", mode: 0o100755 } });
  assert.deepEqual(tree.map(({ mode }) => mode.toString(8)), ["20000000755", "755"]);
});

Deno.test("contextTree() counts bytes, not characters", () => {
  const [entry] = contextTree({ f: { content: "é\n", mode: 0o644 } });
  assert.equal(entry?.content?.length, 3);
});

for (const path of ["", "/a", "a//b", "../a", "a/..", "./a", "a\\b", "a\0", "a, b"]) {
  Deno.test(`contextTree() refuses the path ${JSON.stringify(path)}`, () => {
    assert.throws(() => contextTree({ [path]: FILE }), TypeError);
  });
}

Deno.test("comparePaths() compares bytes, not UTF-16 units", () => {
  assert.ok(comparePaths("\uffff", "\u{10000}") < 0);
  assert.ok(comparePaths("a", "a/b") < 0);
  assert.equal(comparePaths("a/b", "a/b"), 0);
});
