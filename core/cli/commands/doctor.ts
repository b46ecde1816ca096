/**
 * `moat doctor`: checks this machine, each line with its fix.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { JSON_FLAG, type LeafCommand } from "../command.ts";

/** The `doctor` command. */
export const doctor: LeafCommand = {
  name: "doctor",
  group: "Machine",
  summary: "Check this machine; each problem with its fix",
  help: "Exit code 1 when there is a problem that keeps runs from starting. Changes nothing.",
  example: "moat doctor",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const [{ diagnose }, { renderDiagnosis }, { toJson }] = await Promise.all([
      import("../diagnose.ts"),
      import("../render_diagnosis.ts"),
      import("../describe_run.ts"),
    ]);
    const checks = await diagnose(context);
    await context.stdio.output(args.has("json") ? toJson(checks) : renderDiagnosis(checks));
    return checks.some(({ state }) => state === "problem") ? EXIT.failure : EXIT.ok;
  },
};
