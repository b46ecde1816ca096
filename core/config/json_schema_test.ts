import assert from "node:assert/strict";
import { pluginManifestJsonSchema, projectConfigJsonSchema } from "./json_schema.ts";

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

Deno.test("pluginManifestJsonSchema() requires what validation requires, and no more", async () => {
  const { required, properties } = await pluginManifestJsonSchema();
  assert.deepEqual(required, ["schema", "kind", "id", "summary", "category"]);
  const { service } = Object(properties);
  assert.deepEqual(service.required, ["image", "port", "ready", "variables"]);
});
