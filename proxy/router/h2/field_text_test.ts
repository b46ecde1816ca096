import assert from "node:assert/strict";
import { readFields, usesUtf8, writeFields } from "./field_text.ts";

Deno.test("fields of a runtime that has Latin-1 stay as they are", () => {
  const fields = { "x-a": "\xc3\xa4", "x-b": ["1", "\xff"] };
  assert.equal(readFields(fields, false), fields);
  assert.equal(writeFields(fields, false), fields);
});

Deno.test("fields of a runtime that has UTF-8 are the same bytes on both sides", () => {
  const bytes = { "x-a": "\xc3\xa4", "x-b": ["1", "\xe2\x82\xac"], "x-c": "plain" };
  const text = { "x-a": "\u{e4}", "x-b": ["1", "\u{20ac}"], "x-c": "plain" };
  assert.deepEqual(readFields(text, true), bytes);
  assert.deepEqual(writeFields(bytes, true), text);
});

Deno.test("a value to write that is no UTF-8 is taken for Latin-1", () => {
  assert.deepEqual(writeFields({ "x-a": "\xe4" }, true), { "x-a": "\u{e4}" });
});

Deno.test("Deno has UTF-8 before 2.8", () => {
  const versions = ["1.46.3", "2.7.11", "2.8.0", "2.10.1", "3.0.0"];
  assert.deepEqual(versions.map(usesUtf8), [true, true, false, false, false]);
});
