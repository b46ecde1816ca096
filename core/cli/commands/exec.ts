/**
 * `moat exec`: one more command inside a live run.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `exec` command. */
export const exec: LeafCommand = {
  name: "exec",
  group: "Act on a run",
  summary: "Run a further command inside a live run",
  help: [
    "It runs as the run's user in the run's directory. Standard input is forwarded; a terminal is",
    "given with -i or -t where there is one. The exit code is the command's. Nothing of it is logged.",
  ].join("\n"),
  example: "moat exec -it myapp -- bash",
  failureExitCode: EXIT.moatFailed,
  flags: [
    { name: "interactive", short: "i", summary: "Give the command a terminal where there is one" },
    { name: "tty", short: "t", summary: "As -i" },
    {
      name: "env",
      short: "e",
      value: { kind: "text", placeholder: "K[=V]" },
      repeatable: true,
      summary: "Set a variable, or pass yours on",
    },
  ],
  positionals: [RUN_POSITIONAL],
  rest: { name: "command", summary: "What to run", required: true, afterPositionals: 1 },

  async run(args, context) {
    const [{ execInRun }, { findRun }] = await Promise.all([
      import("../exec_in_run.ts"),
      import("../find_run.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: true });
    return await execInRun(found, context, {
      command: args.rest ?? [],
      env: args.list("env"),
      terminal: args.has("interactive") || args.has("tty"),
    });
  },
};
