/**
 * `moat untrust`: takes back what was accepted for a project.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The `untrust` command. */
export const untrust: LeafCommand = {
  name: "untrust",
  group: "Project",
  summary: "Take back what was accepted for this project",
  help: "Its next run asks again. Runs that were started before go on as they are.",
  example: "moat untrust",
  flags: [],
  positionals: [{
    name: "path",
    summary: "The project's directory; default: this one",
    complete: "directory",
  }],

  async run(args, context) {
    const { untrustProject } = await import("../trust_project.ts");
    await untrustProject(args.positional("path"), context);
    return EXIT.ok;
  },
};
