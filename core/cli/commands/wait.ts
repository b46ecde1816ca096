/**
 * `moat wait`: blocks until a run has ended.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `wait` command. */
export const wait: LeafCommand = {
  name: "wait",
  group: "Act on a run",
  summary: "Wait until a run has ended, and exit with its code",
  help: "Returns at once when the run has already ended. Prints nothing.",
  example: "moat wait myapp",
  failureExitCode: EXIT.moatFailed,
  flags: [],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ awaitRun, exitCodeOf }, { findRun }] = await Promise.all([
      import("../await_run.ts"),
      import("../find_run.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: true });
    return exitCodeOf(await awaitRun(found, context));
  },
};
