/**
 * `moat clean`: removes what runs left behind.
 *
 * @module
 */

import { EXIT, UsageError } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The `clean` command. */
export const clean: LeafCommand = {
  name: "clean",
  group: "Machine",
  summary: "Remove what ended runs left: containers, networks, unused images",
  help: [
    "Ends orphaned runs first. Touches only what this home made. Records, logs and events stay unless",
    "--records asks for those of stopped runs. Volumes with a name always stay. Installed plugins stay,",
    "too; what those answered or kept that are gone does not. Asks first.",
  ].join("\n"),
  example: "moat clean --dry-run",
  flags: [
    { name: "force", short: "f", summary: "Do not ask" },
    { name: "dry-run", summary: "Print what would be removed, and remove nothing" },
    { name: "records", summary: "Remove records, logs and events of stopped runs too" },
    {
      name: "older",
      value: { kind: "text", placeholder: "TIME" },
      summary: "With --records: only of runs that ended so long ago, such as 30d",
    },
  ],
  positionals: [],

  async run(args, context) {
    const older = args.text("older");
    if (older !== undefined && !args.has("records")) {
      throw new UsageError("Cannot use --older alone: it limits --records", {
        hint: `moat clean --records --older ${older}`,
      });
    }
    const [{ cleanHome }, { parseDuration }] = await Promise.all([
      import("../clean_home.ts"),
      import("../../run/parse_amount.ts"),
    ]);
    await cleanHome(context, {
      force: args.has("force"),
      dryRun: args.has("dry-run"),
      ...(args.has("records")
        ? { recordsOlderThanMs: older === undefined ? 0 : parseDuration(older) }
        : {}),
    });
    return EXIT.ok;
  },
};
