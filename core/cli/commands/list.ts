/**
 * `moat list`: the runs of this home.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { JSON_FLAG, type LeafCommand } from "../command.ts";

const DAY_MS = 86_400_000;

/** The `list` command. */
export const list: LeafCommand = {
  name: "list",
  aliases: ["ls"],
  group: "Look",
  summary: "List runs: live ones and those of the last 24 hours",
  help: "A run whose owner died is shown as orphaned until moat clean ends it. Changes nothing.",
  example: "moat list -a",
  flags: [
    { name: "all", short: "a", summary: "All runs, however old" },
    JSON_FLAG,
  ],
  positionals: [],

  async run(args, { paths, stdio }) {
    const [{ Store }, { describeRun, toJson }] = await Promise.all([
      import("../../store/store.ts"),
      import("../describe_run.ts"),
    ]);
    using store = Store.openExisting(paths);
    const since = new Date(Date.now() - DAY_MS).toISOString();
    const records = store?.findRuns(args.has("all") ? {} : { since }) ?? [];
    const runs = store === undefined
      ? []
      : await Promise.all(records.map((record) => describeRun(record, paths, store)));
    if (args.has("json")) {
      await stdio.output(toJson(runs));
      return EXIT.ok;
    }
    if (runs.length === 0) {
      await stdio.error("No runs. Start one: moat run -- npm test\n");
      return EXIT.ok;
    }
    const [{ alignColumns }, { formatAge }] = await Promise.all([
      import("../table.ts"),
      import("../format_time.ts"),
    ]);
    const rows = runs.map((run) => [
      run.name,
      run.id,
      run.state,
      formatAge(run.createdAt),
      run.endpoints.map(({ name, port, url }) => url ?? `${name} :${port}`).join(", "),
    ]);
    const table = alignColumns([["NAME", "RUN ID", "STATE", "AGE", "ENDPOINTS"], ...rows]);
    await stdio.output(`${table.join("\n")}\n`);
    if (runs.some(({ state }) => state === "orphaned")) {
      await stdio.error("note: Orphaned runs lost their owner; end them with: moat clean\n");
    }
    return EXIT.ok;
  },
};
