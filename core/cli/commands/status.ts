/**
 * `moat status`: what moat uses here and what it does right now.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { JSON_FLAG, type LeafCommand } from "../command.ts";

/** The `status` command. */
export const status: LeafCommand = {
  name: "status",
  group: "Look",
  summary: "Show runtime, isolation, daemon, disk use and problems",
  help:
    "Says which runtime a run would get here, and why. Changes nothing; see moat doctor for fixes.",
  example: "moat status --json",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const [{ readStatus, renderStatus }, { toJson }] = await Promise.all([
      import("../read_status.ts"),
      import("../describe_run.ts"),
    ]);
    const state = await readStatus(context);
    await context.stdio.output(args.has("json") ? toJson(state) : renderStatus(state));
    return EXIT.ok;
  },
};
