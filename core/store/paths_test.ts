import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { resolvePaths } from "./paths.ts";

Deno.test("resolvePaths() takes MOAT_HOME, else .moat in HOME; empty counts as unset", () => {
  assert.equal(resolvePaths({ MOAT_HOME: "/m", HOME: "/h" }).home, "/m");
  assert.equal(resolvePaths({ MOAT_HOME: "", HOME: "/h" }).home, "/h/.moat");
});

Deno.test("resolvePaths() asks for one of the two when neither is set", () => {
  assert.throws(() => resolvePaths({ HOME: "" }), UsageError);
});
