import assert from "node:assert/strict";
import { join } from "node:path";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { recordEvent } from "./events.ts";

Deno.test("recordEvent() appends one line with the time", async () => {
  await using home = await createTestHome();
  const events = join(home.directory, "events.jsonl");
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => recordEvent({ events }, { type: "test", n })),
  );
  const lines = (await Deno.readTextFile(events)).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines.map(({ n }) => n).toSorted((a, b) => a - b), [...Array(20).keys()]);
  assert(lines.every(({ time }) => new Date(time).toISOString() === time));
});

Deno.test("recordEvent() ends a line that a killed writer left", async () => {
  await using home = await createTestHome();
  const events = join(home.directory, "events.jsonl");
  await Deno.writeTextFile(events, '{"time":"2025');
  await recordEvent({ events }, { type: "next" });
  const lines = (await Deno.readTextFile(events)).split("\n");
  assert.equal(lines[0], '{"time":"2025');
  assert.equal(JSON.parse(lines[1] ?? "").type, "next");
});
