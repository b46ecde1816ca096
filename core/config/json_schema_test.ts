import assert from "node:assert/strict";
import { projectConfigJsonSchema } from "./json_schema.ts";

Deno.test("projectConfigJsonSchema() describes every key of the file", async () => {
  const { properties, additionalProperties } = await projectConfigJsonSchema();
  assert.equal(additionalProperties, false);
  assert(typeof properties === "object" && properties !== null);
  assert(Object.keys(properties).length > 25);
  for (const [key, value] of Object.entries(properties)) {
    assert.match(String(value.description), /^[^]+\.$/, key);
  }
});

Deno.test("projectConfigJsonSchema() is JSON, with ranges and choices", async () => {
  const schema = await projectConfigJsonSchema();
  const text = JSON.stringify(schema);
  assert.deepEqual(JSON.parse(text), schema);
  assert.match(text, /"maximum":65535/);
  assert.match(text, /"enum":\["private","host"\]/);
});
