import assert from "node:assert/strict";
import { lookAlike } from "./look_alike.ts";

const KNOWN = ["postgres", "node-dev", "helm", "jq", "fzf"];

for (
  const [id, like] of [
    ["postgre", "postgres"],
    ["p0stgres", "postgres"],
    ["nodedev", "node-dev"],
    ["helrn", "helm"],
    ["hlem", "helm"],
    ["postgres", undefined],
    ["fzg", undefined],
    ["yq", undefined],
    ["my-tool", undefined],
  ] as const
) {
  Deno.test(`"${id}" looks like ${like ?? "nothing"}`, () => {
    assert.equal(lookAlike(id, KNOWN), like);
  });
}
