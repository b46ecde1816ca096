/**
 * `moat stop`: ends a live run.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `stop` command. */
export const stop: LeafCommand = {
  name: "stop",
  group: "Act on a run",
  summary: "Stop a live run: TERM, then KILL",
  help: "Stopping a run that has already ended is no error. Record and logs stay.",
  example: "moat stop -t 2 myapp",
  flags: [{
    name: "timeout",
    short: "t",
    value: { kind: "integer", placeholder: "SECONDS", min: 0 },
    summary: "Seconds between TERM and KILL; default: 10",
  }],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ stopRun }, { findRun }, { isLive }] = await Promise.all([
      import("../../run/stop_run.ts"),
      import("../find_run.ts"),
      import("../../run/states.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: false });
    const { record, store } = found;
    if (!isLive(record.state)) {
      await context.stdio.error(`Run "${record.name}" (${record.id}) is already ${record.state}\n`);
      return EXIT.ok;
    }
    const graceMs = (args.integer("timeout") ?? 10) * 1000;
    await stopRun(context, record, { store, graceMs });
    await context.stdio.error(`Stopped "${record.name}" (${record.id})\n`);
    return EXIT.ok;
  },
};
