import assert from "node:assert/strict";
import { formatAge, formatBytes } from "./format_time.ts";

Deno.test("formatAge() names the largest whole unit", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const cases: readonly [string, string][] = [
    ["2026-01-31T12:00:00Z", "0s"],
    ["2026-01-31T11:59:01Z", "59s"],
    ["2026-01-31T11:59:00Z", "1m"],
    ["2026-01-31T10:01:00Z", "1h"],
    ["2026-01-29T12:00:00Z", "2d"],
    ["2026-02-01T12:00:00Z", "0s"],
  ];
  for (const [since, expected] of cases) assert.equal(formatAge(since, now), expected, since);
});

Deno.test("formatBytes() keeps two digits at most", () => {
  assert.deepEqual([0, 999, 1500, 12_345_678, 3e12].map(formatBytes), [
    "0 B",
    "999 B",
    "1.5 kB",
    "12 MB",
    "3.0 TB",
  ]);
});
