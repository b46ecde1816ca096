/**
 * `moat open`: an endpoint in the browser.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import type { LeafCommand } from "../command.ts";

/** The `open` command. */
export const open: LeafCommand = {
  name: "open",
  group: "Act on a run",
  summary: "Print an endpoint's URL and open it in the browser",
  help:
    "Without an endpoint: the one named web, else the first. Without a name: the newest run of " +
    "this directory. The URL goes to standard output.",
  example: "moat open myapp api --print",
  flags: [
    { name: "print", summary: "Only print it" },
    { name: "https", summary: "The https:// URL (moat proxy trust)" },
  ],
  positionals: [
    {
      name: "run",
      summary: "Id, start of an id, or name; default: the newest run of this directory",
      complete: "run",
    },
    { name: "endpoint", summary: "Name of the endpoint" },
  ],

  async run(args, context) {
    const [{ findRun }, { findEndpointUrl, openInBrowser }] = await Promise.all([
      import("../find_run.ts"),
      import("../open_endpoint.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: true });
    const url = findEndpointUrl(found, {
      endpoint: args.positional("endpoint"),
      scheme: args.has("https") ? "https" : "http",
    });
    await context.stdio.output(`${url}\n`);
    if (!args.has("print")) await openInBrowser(url, context);
    return EXIT.ok;
  },
};
