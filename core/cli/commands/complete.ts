/**
 * `moat _complete`: words for the completion scripts, one a line.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The hidden `_complete` command. */
export const complete: LeafCommand = {
  name: "_complete",
  group: "Machine",
  summary: "Print names of runs or services for completion scripts",
  help: "Used by the scripts of moat completions.",
  example: "moat _complete runs",
  hidden: true,
  flags: [],
  positionals: [{
    name: "what",
    summary: "What to list",
    required: true,
    choices: ["runs", "services"],
  }],

  async run(args, { paths, stdio, cwd }) {
    const { Store } = await import("../../store/store.ts");
    using store = Store.openExisting(paths);
    const since = new Date(Date.now() - 86_400_000).toISOString();
    const names = new Set<string>();
    if (args.positional("what") === "services") {
      const [newest] = store?.findRuns({ project: await Deno.realPath(cwd) }) ?? [];
      for (const { name } of newest?.plan.services ?? []) names.add(name);
    }
    for (const { name } of store?.findRuns({ since }) ?? []) names.add(name);
    await stdio.output([...names].map((name) => `${name}\n`).join(""));
    return EXIT.ok;
  },
};
