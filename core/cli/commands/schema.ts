/**
 * `moat schema`: JSON Schema of moat.yaml, or of a plugin's manifest.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The `schema` command. */
export const schema: LeafCommand = {
  name: "schema",
  group: "Project",
  summary: "Print the JSON Schema of moat.yaml",
  help:
    "For editors: with it they complete and check moat.yaml while you type. Write it to a file.",
  example: "moat schema",
  flags: [{ name: "plugin", summary: "That of moat-plugin.yaml, for those who write plugins" }],
  positionals: [],

  async run(args, { stdio }) {
    const { pluginManifestJsonSchema, projectConfigJsonSchema } = await import(
      "../../config/json_schema.ts"
    );
    const value = args.has("plugin")
      ? await pluginManifestJsonSchema()
      : await projectConfigJsonSchema();
    await stdio.output(`${JSON.stringify(value, null, 2)}\n`);
    return EXIT.ok;
  },
};
