/**
 * `moat schema`: JSON Schema of moat.yaml.
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
  flags: [],
  positionals: [],

  async run(_args, { stdio }) {
    const { projectConfigJsonSchema } = await import("../../config/json_schema.ts");
    await stdio.output(`${JSON.stringify(await projectConfigJsonSchema(), null, 2)}\n`);
    return EXIT.ok;
  },
};
