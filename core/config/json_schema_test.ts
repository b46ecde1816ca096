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
  const { anyOf } = await pluginManifestJsonSchema();
  assert(Array.isArray(anyOf));
  const required = Object.fromEntries(
    anyOf.map((one) => [one.properties.kind.const, one.required.toSorted().join(" ")]),
  );
  assert.deepEqual(required, {
    dependency: "category id kind schema summary",
    runtime: "contract entry id kind schema summary",
    provider: "credential env hosts id kind schema summary",
  });
  const [{ properties }] = anyOf;
  assert.deepEqual(properties.service.required, ["image", "port", "ready", "variables"]);
  assert.deepEqual(Object.keys(properties.permissions.properties).sort(), [
    "env",
    "net",
    "read",
    "run",
    "write",
  ]);
});
