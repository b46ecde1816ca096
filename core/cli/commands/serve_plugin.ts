/**
 * `moat _plugin`: the inside of a plugin that is code, in its sandbox.
 *
 * @module
 */

import type { LeafCommand } from "../command.ts";

/** The hidden `_plugin` command. */
export const servePlugin: LeafCommand = {
  name: "_plugin",
  group: "Machine",
  summary: "Run a plugin that is code",
  help: "Started by the commands that need it, in a sandbox.",
  example: "moat _plugin",
  hidden: true,
  flags: [],
  positionals: [],

  async run() {
    const { servePlugin } = await import("../../plugin/code/serve_plugin.ts");
    return await servePlugin();
  },
};
