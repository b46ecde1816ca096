import assert from "node:assert/strict";
import type { EnvValue } from "./request.ts";
import { withoutProxy } from "./without_proxy.ts";

function text(value: string): EnvValue {
  return { kind: "text", text: value };
}

Deno.test("withoutProxy() adds hosts behind what the user wrote, in both spellings", () => {
  const env = withoutProxy({ NO_PROXY: text("a.example, buildkit"), X: text("1") }, ["buildkit"]);
  assert.deepEqual(env, {
    NO_PROXY: text("a.example,buildkit"),
    no_proxy: text("a.example,buildkit"),
    X: text("1"),
  });
});

Deno.test("withoutProxy() keeps two spellings that differ apart", () => {
  const env = withoutProxy({ NO_PROXY: text("a"), no_proxy: text("b") }, ["c"]);
  assert.deepEqual(env, { NO_PROXY: text("a,c"), no_proxy: text("b,c") });
});

Deno.test("withoutProxy() changes nothing without hosts, and no secret", () => {
  const secret: EnvValue = { kind: "secret", key: "x" };
  assert.deepEqual(withoutProxy({ X: text("1") }, []), { X: text("1") });
  assert.deepEqual(withoutProxy({ NO_PROXY: secret, no_proxy: secret }, ["c"]), {
    NO_PROXY: secret,
    no_proxy: secret,
  });
});
