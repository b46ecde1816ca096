/**
 * `moat attach`: back to a run that was detached.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `attach` command. */
export const attach: LeafCommand = {
  name: "attach",
  group: "Act on a run",
  summary: "Attach to a detached run",
  help: [
    "A run with a terminal gets yours; Ctrl-/ d leaves it again. Of one without, the output from now",
    "on is printed, and Ctrl-C leaves it. The exit code is the run's.",
  ].join("\n"),
  example: "moat attach myapp",
  failureExitCode: EXIT.moatFailed,
  flags: [],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ attachToRun }, { findRun }] = await Promise.all([
      import("../attach_to_run.ts"),
      import("../find_run.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: true });
    return await attachToRun(found, context);
  },
};
