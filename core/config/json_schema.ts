/**
 * JSON Schemas of moat.yaml and of plugins' manifests, for editors; made from the same definitions
 * as validation.
 *
 * @module
 */

import type { GenericSchema } from "valibot";

/** Where the dialect is defined. */
const DIALECT = "http://json-schema.org/draft-07/schema#";

/** The schema as a JSON value. What only moat can check is left out. */
export async function projectConfigJsonSchema(): Promise<Record<string, unknown>> {
  const { PROJECT_SCHEMA } = await import("./schema.ts");
  return await jsonSchema("moat.yaml", PROJECT_SCHEMA);
}

/** The schema of `moat-plugin.yaml` as a JSON value. */
export async function pluginManifestJsonSchema(): Promise<Record<string, unknown>> {
  const { PLUGIN_SCHEMA } = await import("../plugin/manifest_kinds_schema.ts");
  return await jsonSchema("moat-plugin.yaml", PLUGIN_SCHEMA);
}

async function jsonSchema(
  title: string,
  schema: GenericSchema,
): Promise<Record<string, unknown>> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const { $schema: _, ...body } = toJsonSchema(schema, {
    errorMode: "ignore",
    typeMode: "input",
    // The library takes `exactOptional` for required.
    overrideSchema({ valibotSchema, jsonSchema }) {
      if (!("entries" in valibotSchema) || jsonSchema.required === undefined) return;
      const { entries } = valibotSchema;
      return {
        ...jsonSchema,
        required: jsonSchema.required.filter((key: string) => !isOptional(entries, key)),
      };
    },
  });
  return { $schema: DIALECT, title, ...body };
}

function isOptional(entries: unknown, key: string): boolean {
  return Object(Object(entries)[key]).type === "exact_optional";
}
