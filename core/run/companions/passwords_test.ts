import assert from "node:assert/strict";
import { createPassword, fillPassword } from "./passwords.ts";

Deno.test("createPassword() makes 32 characters of a-zA-Z0-9, all of them and new each time", () => {
  const made = Array.from({ length: 200 }, createPassword);
  for (const password of made) assert.match(password, /^[a-zA-Z0-9]{32}$/);
  assert.equal(new Set(made).size, made.length);
  assert.equal(new Set(made.join("")).size, 62);
});

Deno.test("fillPassword() fills every place, and throws where there is no password", () => {
  assert.equal(fillPassword("{password}:{password}", "a$&b"), "a$&b:a$&b");
  assert.equal(fillPassword("plain", undefined), "plain");
  assert.throws(() => fillPassword("{password}", undefined), TypeError);
});
