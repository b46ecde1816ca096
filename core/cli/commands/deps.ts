/**
 * `moat deps`: what can stand under `dependencies:`.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type CommandGroup, JSON_FLAG, type LeafCommand } from "../command.ts";

const list: LeafCommand = {
  name: "list",
  group: "Project",
  summary: "List all dependencies by category",
  help: "The second column is the version taken when none is asked for.",
  example: "moat deps list",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, { registry, stdio }) {
    const { describeDependency, renderDependencyList } = await import("../describe_dependency.ts");
    const plugins = registry.list("dependency");
    await stdio.output(
      args.has("json")
        ? `${JSON.stringify(plugins.map(describeDependency), null, 2)}\n`
        : renderDependencyList(plugins),
    );
    return EXIT.ok;
  },
};

const info: LeafCommand = {
  name: "info",
  group: "Project",
  summary: "Show one dependency: versions, pins, what it needs",
  help: "A version without a checksum in the catalogue is shown as unpinned: the build checks it " +
    "against the sums that its vendor publishes.",
  example: "moat deps info node",
  flags: [JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the dependency", required: true }],

  async run(args, { registry, stdio }) {
    const { describeDependency, findDependency, renderDependency } = await import(
      "../describe_dependency.ts"
    );
    const plugin = findDependency(args.positional("name") ?? "", registry.list("dependency"));
    await stdio.output(
      args.has("json")
        ? `${JSON.stringify(describeDependency(plugin), null, 2)}\n`
        : renderDependency(plugin),
    );
    return EXIT.ok;
  },
};

/** The `deps` command. */
export const deps: CommandGroup = {
  name: "deps",
  group: "Project",
  summary: "Show what can stand under dependencies",
  help: "Dependencies are languages, tools and agents that moat puts into the run's image, or " +
    "looks for on the host where the runtime uses the host's tools.",
  example: "moat deps list",
  subcommands: [list, info],
};
