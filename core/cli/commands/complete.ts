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
  summary: "Print names of runs for completion scripts",
  help: "Used by the scripts of moat completions.",
  example: "moat _complete runs",
  hidden: true,
  flags: [],
  positionals: [{ name: "what", summary: "What to list", required: true, choices: ["runs"] }],

  async run(_args, { paths, stdio }) {
    const { Store } = await import("../../store/store.ts");
    using store = Store.openExisting(paths);
    const since = new Date(Date.now() - 86_400_000).toISOString();
    const names = new Set(store?.findRuns({ since }).map(({ name }) => name) ?? []);
    await stdio.output([...names].map((name) => `${name}\n`).join(""));
    return EXIT.ok;
  },
};
