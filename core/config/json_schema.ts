/**
 * JSON Schema of moat.yaml, for editors; made from the same definition as validation.
 *
 * @module
 */

/** Where the dialect is defined. */
const DIALECT = "http://json-schema.org/draft-07/schema#";

/** The schema as a JSON value. What only moat can check is left out. */
export async function projectConfigJsonSchema(): Promise<Record<string, unknown>> {
  const [{ toJsonSchema }, { PROJECT_SCHEMA }] = await Promise.all([
    import("@valibot/to-json-schema"),
    import("./schema.ts"),
  ]);
  const { $schema: _, ...schema } = toJsonSchema(PROJECT_SCHEMA, {
    errorMode: "ignore",
    typeMode: "input",
  });
  return { $schema: DIALECT, title: "moat.yaml", ...schema };
}
