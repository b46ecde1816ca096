/**
 * `moat logs`: the output of a run.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `logs` command. */
export const logs: LeafCommand = {
  name: "logs",
  group: "Look",
  summary: "Print the output of a run",
  help: [
    "What the run wrote to standard error goes to standard error here too. A run with a terminal",
    "prints its raw bytes. Works while the run is live and after it, until moat destroy.",
  ].join("\n"),
  example: "moat logs -f -n 20",
  flags: [
    { name: "follow", short: "f", summary: "Go on until the run ends" },
    {
      name: "tail",
      short: "n",
      value: { kind: "integer", placeholder: "N", min: 0 },
      summary: "Only the last N lines",
    },
    {
      name: "since",
      value: { kind: "text", placeholder: "TIME" },
      summary: "Only what is newer, such as 10m, or a time in RFC 3339",
    },
    { name: "timestamps", summary: "Put the time before each line" },
  ],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ printLogs }, { findRun }, { parseSince }] = await Promise.all([
      import("../print_logs.ts"),
      import("../find_run.ts"),
      import("../since.ts"),
    ]);
    const tail = args.integer("tail");
    const since = args.text("since");
    const from = since === undefined ? undefined : parseSince(since);
    using found = await findRun(args, context, { readOnly: true });
    await printLogs(found, context, {
      follow: args.has("follow"),
      timestamps: args.has("timestamps"),
      ...(tail === undefined ? {} : { tail }),
      ...(from === undefined ? {} : { since: from }),
    });
    return context.signal.aborted ? EXIT.interrupted : EXIT.ok;
  },
};
