/**
 * `moat _daemon`: the background process of this home; other commands start it.
 *
 * @module
 */

import type { LeafCommand } from "../command.ts";

/** The hidden `_daemon` command. */
export const daemon: LeafCommand = {
  name: "_daemon",
  group: "Machine",
  summary: "Look after detached runs",
  help: "Started by the commands that need it.",
  example: "moat _daemon",
  hidden: true,
  flags: [],
  positionals: [],

  async run(_args, context) {
    const { runDaemon } = await import("../../daemon/run_daemon.ts");
    return await runDaemon(context);
  },
};
