/**
 * `moat plan`: prints what a run would create, and creates nothing.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { JSON_FLAG, type LeafCommand } from "../command.ts";
import { commandWithoutDashes, PLAN_FLAGS, toRunFlags } from "./run.ts";

/** The `plan` command. */
export const plan: LeafCommand = {
  name: "plan",
  group: "Start",
  summary: "Print what a run would create, and create nothing",
  help: [
    "Takes the flags of moat run. Values given with -e are not shown. The same as",
    "moat run --dry-run.",
  ].join("\n"),
  example: "moat plan --runtime local -- npm test",
  failureExitCode: EXIT.moatFailed,
  flags: [...PLAN_FLAGS, JSON_FLAG],
  positionals: [{
    name: "path",
    summary: "The project's directory; default: this one",
    complete: "directory",
  }],
  rest: { name: "command", summary: "What to run instead of command: of moat.yaml" },

  surplus: (words, { flags }) => commandWithoutDashes("plan", words, flags),

  async run(args, context) {
    const { printPlan } = await import("../print_plan.ts");
    return await printPlan(toRunFlags(args), context, { json: args.has("json") });
  },
};
