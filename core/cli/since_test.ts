import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { parseSince } from "./since.ts";

Deno.test("parseSince() takes how long ago and RFC 3339", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.equal(parseSince("10m", now).toISOString(), "2026-01-31T11:50:00.000Z");
  assert.equal(
    parseSince("2026-01-30T00:00:00+01:00", now).toISOString(),
    "2026-01-29T23:00:00.000Z",
  );
  for (const text of ["yesterday", "2026-13-45", "-5m", ""]) {
    assert.throws(() => parseSince(text, now), UsageError, text);
  }
});
