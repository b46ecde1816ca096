/**
 * `moat trust`: shows and accepts what a project's own files ask for beyond the project.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { JSON_FLAG, type LeafCommand } from "../command.ts";

/** The `trust` command. */
export const trust: LeafCommand = {
  name: "trust",
  group: "Project",
  summary: "Accept what this project asks for beyond its own directory",
  help: [
    "Mounts from elsewhere, Docker access, less isolation, the host's network, other runs, credentials:",
    "they are in force only once you accepted them, and are asked for again when they change. --show",
    "accepts nothing.",
  ].join("\n"),
  example: "moat trust --show",
  flags: [
    { name: "show", summary: "Show it, and whether it is accepted" },
    JSON_FLAG,
  ],
  positionals: [{
    name: "path",
    summary: "The project's directory; default: this one",
    complete: "directory",
  }],

  async run(args, context) {
    const { trustProject } = await import("../trust_project.ts");
    await trustProject(args.positional("path"), context, {
      accept: !args.has("show"),
      json: args.has("json"),
    });
    return EXIT.ok;
  },
};
