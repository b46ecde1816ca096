/**
 * `moat destroy`: removes a run with everything that is kept of it.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type LeafCommand, RUN_POSITIONAL } from "../command.ts";

/** The `destroy` command. */
export const destroy: LeafCommand = {
  name: "destroy",
  group: "Act on a run",
  summary: "Remove a run with its record, logs and events",
  help: "A live run is refused without -f, which stops it first. Cannot be undone.",
  example: "moat destroy myapp",
  flags: [{ name: "force", short: "f", summary: "Stop the run first when it is live" }],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ destroyRun }, { findRun }] = await Promise.all([
      import("../../run/destroy_run.ts"),
      import("../find_run.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: false });
    const { record, store } = found;
    await destroyRun(context, record, { store, force: args.has("force") });
    await context.stdio.error(`Destroyed "${record.name}" (${record.id})\n`);
    return EXIT.ok;
  },
};
