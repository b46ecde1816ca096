import assert from "node:assert/strict";
import { parseCpus, parseDuration, parseEndpoint, parseMemory } from "./parse_amount.ts";

const MIB = 1024 ** 2;

Deno.test("parseMemory() reads sizes and refuses what is too small or no size", () => {
  assert.deepEqual(["512m", "2g", "256", "1.5G", "512mb"].map(parseMemory), [
    512 * MIB,
    2048 * MIB,
    256 * MIB,
    1536 * MIB,
    512 * MIB,
  ]);
  for (const bad of ["", "64m", "-1g", "1x", "٣g", "1e9", "0"]) {
    assert.throws(() => parseMemory(bad), { name: "UsageError" }, bad);
  }
});

Deno.test("parseDuration() reads times and refuses zero and junk", () => {
  assert.deepEqual(["500ms", "90", "30s", "5m", "1h", "2d", "1.5s"].map(parseDuration), [
    500,
    90_000,
    30_000,
    300_000,
    3_600_000,
    172_800_000,
    1500,
  ]);
  for (const bad of ["", "0", "0s", "-1s", "1w", "s", "1 s"]) {
    assert.throws(() => parseDuration(bad), { name: "UsageError" }, bad);
  }
});

Deno.test("parseCpus() and parseEndpoint() refuse what cannot be", () => {
  assert.equal(parseCpus("0.5"), 0.5);
  assert.deepEqual(parseEndpoint("web=3000"), { name: "web", port: 3000 });
  for (const bad of ["0", "-1", "two", ""]) {
    assert.throws(() => parseCpus(bad), { name: "UsageError" }, bad);
  }
  for (const bad of ["web", "web=0", "web=65536", "=80", "We=80", "a_b=1", "a=b=3"]) {
    assert.throws(() => parseEndpoint(bad), { name: "UsageError" }, bad);
  }
});
