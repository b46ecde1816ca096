/**
 * `moat completions`: a script that makes the shell complete moat's words.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The `completions` command. */
export const completions: LeafCommand = {
  name: "completions",
  group: "Machine",
  summary: "Print the completion script of a shell",
  help: "Load it from the shell's start-up file. Names of runs are completed too.",
  example: "moat completions bash",
  flags: [],
  positionals: [{
    name: "shell",
    summary: "bash, zsh or fish",
    required: true,
    choices: ["bash", "zsh", "fish"],
  }],

  async run(args, { stdio }) {
    const [{ completionScript }, { COMMANDS }] = await Promise.all([
      import("../completion_script.ts"),
      import("./mod.ts"),
    ]);
    await stdio.output(completionScript(args.positional("shell") ?? "bash", COMMANDS));
    return EXIT.ok;
  },
};
