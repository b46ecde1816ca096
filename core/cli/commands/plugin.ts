/**
 * `moat plugin`: the plugins of a project, from moat itself or from elsewhere.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type CommandGroup, type Flag, JSON_FLAG, type LeafCommand } from "../command.ts";

const YES_FLAG: Flag = { name: "yes", short: "y", summary: "Accept without asking" };

const SOURCE_HELP = "A plugin is a name that `moat plugin search` shows, a ./directory, a .tgz " +
  "file, or npm:package@1.2.3, which your own npm fetches.";

const search: LeafCommand = {
  name: "search",
  group: "Project",
  summary: "Search what is part of moat, and your indexes",
  help: "Without a word it lists all. Offline, unless registries: of config.yaml names an index.",
  example: "moat plugin search database",
  flags: [JSON_FLAG],
  positionals: [{ name: "word", summary: "Part of a name, a summary or a category" }],

  async run(args, context) {
    const [{ describeDependency, renderDependencyList }, { renderFound, searchIndexes }] =
      await Promise.all([
        import("../describe_dependency.ts"),
        import("../plugins/search_indexes.ts"),
      ]);
    const word = args.positional("word") ?? "";
    const own = context.registry.list("dependency").filter(({ id, summary, category }) =>
      [id, summary, category].some((text) => text.toLowerCase().includes(word.toLowerCase()))
    );
    const others = await searchIndexes(word, context);
    await context.stdio.output(
      args.has("json")
        ? `${JSON.stringify([...own.map(describeDependency), ...others], null, 2)}\n`
        : `${own.length === 0 ? "" : renderDependencyList(own)}${renderFound(others)}`,
    );
    if (own.length + others.length > 0) return EXIT.ok;
    await context.stdio.error(`No plugin has "${word}" in its name, summary or category\n`);
    return EXIT.failure;
  },
};

const add: LeafCommand = {
  name: "add",
  group: "Project",
  summary: "Make a plugin part of this project",
  help: [
    SOURCE_HELP,
    "Writes moat.yaml, keeping comments and order, and moat.lock; what is not part of moat is shown",
    "first, and asked for.",
  ].join("\n"),
  example: "moat plugin add postgres",
  flags: [YES_FLAG, JSON_FLAG],
  positionals: [{ name: "plugin", summary: "Name or place of the plugin", required: true }],

  async run(args, context) {
    const { addPlugin } = await import("../plugins/add_plugin.ts");
    const added = await addPlugin(args.positional("plugin") ?? "", context, {
      yes: args.has("yes"),
    });
    if (args.has("json")) await context.stdio.output(`${JSON.stringify(added, null, 2)}\n`);
    else {
      const state = added.changed ? "Added" : "Nothing changed:";
      await context.stdio.error(`${state} ${added.entry ?? added.id} (${added.source})\n`);
      if (added.kind === "runtime" && added.changed) {
        await context.stdio.error(`To use it: moat run --runtime ${added.id}\n`);
      }
    }
    return EXIT.ok;
  },
};

const install: LeafCommand = {
  name: "install",
  group: "Project",
  summary: "Get the plugins that moat.lock asks for",
  help:
    "With --frozen, which is the default where CI is set to true, nothing may differ from moat.lock.",
  example: "moat plugin install --frozen",
  flags: [
    { name: "frozen", summary: "Refuse whatever would change moat.lock" },
    {
      name: "no-frozen",
      summary: "Let moat.lock follow moat.yaml, also where CI is set",
      rare: true,
    },
    YES_FLAG,
    JSON_FLAG,
  ],
  positionals: [],

  async run(args, context) {
    const [{ installPlugins }, { renderPlugins, requireUsable }] = await Promise.all([
      import("../plugins/install_plugins.ts"),
      import("../plugins/list_plugins.ts"),
    ]);
    const frozen = args.has("frozen") || (context.env.CI === "true" && !args.has("no-frozen"));
    const plugins = await installPlugins(context, { frozen, yes: args.has("yes") });
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(plugins, null, 2)}\n` : renderPlugins(plugins),
    );
    requireUsable(plugins);
    return EXIT.ok;
  },
};

const list: LeafCommand = {
  name: "list",
  group: "Project",
  summary: "List the plugins of this project",
  help: "Those that moat.lock and plugins: of moat.yaml name, and whether they can be used here.",
  example: "moat plugin list",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { listPlugins, renderPlugins } = await import("../plugins/list_plugins.ts");
    const plugins = await listPlugins(context);
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(plugins, null, 2)}\n` : renderPlugins(plugins),
    );
    return EXIT.ok;
  },
};

const info: LeafCommand = {
  name: "info",
  group: "Project",
  summary: "Show one plugin: versions, pins, what it needs",
  help: "One that is part of moat, as `moat deps info` does, or one that this project uses.",
  example: "moat plugin info postgres",
  flags: [JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the plugin", required: true }],

  async run(args, context) {
    const { describePlugin } = await import("../plugins/describe_plugin.ts");
    const { json, text } = await describePlugin(args.positional("name") ?? "", context);
    await context.stdio.output(args.has("json") ? `${JSON.stringify(json, null, 2)}\n` : text);
    return EXIT.ok;
  },
};

const outdated: LeafCommand = {
  name: "outdated",
  group: "Project",
  summary: "Show which plugins have something newer at their source",
  help: "Asks each source; changes nothing. What is part of moat is as new as moat.",
  example: "moat plugin outdated",
  flags: [JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the plugin; default: all" }],

  async run(args, context) {
    const { outdatedPlugins, renderUpdates } = await import("../plugins/update_plugins.ts");
    const updates = (await outdatedPlugins(context, args.positional("name")))
      .filter(({ changed }) => changed);
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(updates, null, 2)}\n` : renderUpdates(updates),
    );
    return EXIT.ok;
  },
};

const update: LeafCommand = {
  name: "update",
  group: "Project",
  summary: "Take over what the source of a plugin has now",
  help: "Shown and asked for like a new one. `moat plugin rollback` goes back.",
  example: "moat plugin update",
  flags: [YES_FLAG, JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the plugin; default: all" }],

  async run(args, context) {
    const { updatePlugins, renderUpdates } = await import("../plugins/update_plugins.ts");
    const name = args.positional("name");
    const updates = await updatePlugins(context, {
      yes: args.has("yes"),
      ...(name === undefined ? {} : { name }),
    });
    const changed = updates.filter((update) => update.changed);
    if (changed.length === 0) await context.stdio.error("Nothing changed\n");
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(updates, null, 2)}\n` : renderUpdates(changed),
    );
    return EXIT.ok;
  },
};

const rollback: LeafCommand = {
  name: "rollback",
  group: "Project",
  summary: "Go back to what a plugin was before its last update",
  help: "Twice in a row goes forth again. Needs no network: the files are still here.",
  example: "moat plugin rollback my-tool",
  flags: [JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the plugin", required: true }],

  async run(args, context) {
    const { rollbackPlugin, renderUpdates } = await import("../plugins/update_plugins.ts");
    const rolled = await rollbackPlugin(args.positional("name") ?? "", context);
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(rolled, null, 2)}\n` : renderUpdates([rolled]),
    );
    return EXIT.ok;
  },
};

const remove: LeafCommand = {
  name: "remove",
  group: "Project",
  summary: "Take a plugin out of this project",
  help: "Out of moat.yaml and moat.lock, whether it is part of moat or from elsewhere.",
  example: "moat plugin remove postgres",
  flags: [JSON_FLAG],
  positionals: [{ name: "name", summary: "Name of the plugin", required: true }],

  async run(args, context) {
    const { removePlugin } = await import("../plugins/remove_plugin.ts");
    const removed = await removePlugin(args.positional("name") ?? "", context);
    if (args.has("json")) await context.stdio.output(`${JSON.stringify(removed, null, 2)}\n`);
    else await context.stdio.error(`Removed ${removed.entries.join(", ") || removed.id}\n`);
    return EXIT.ok;
  },
};

const verify: LeafCommand = {
  name: "verify",
  group: "Project",
  summary: "Check that the plugins of this project are what moat.lock says",
  help: "Compares the installed files with their digests. Changes nothing, needs no network.",
  example: "moat plugin verify",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { listPlugins, renderPlugins, requireUsable } = await import(
      "../plugins/list_plugins.ts"
    );
    const plugins = await listPlugins(context);
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(plugins, null, 2)}\n` : renderPlugins(plugins),
    );
    requireUsable(plugins);
    return EXIT.ok;
  },
};

const create: LeafCommand = {
  name: "create",
  group: "Project",
  summary: "Write a new plugin to start from",
  help: "One that works as it is, in a directory that does not exist yet.",
  example: "moat plugin create my-tool",
  flags: [{
    name: "kind",
    value: { kind: "choice", choices: ["dependency", "runtime", "provider"] },
    summary: "What it adds; default: dependency",
  }, JSON_FLAG],
  positionals: [{
    name: "directory",
    summary: "Where; its last part is the plugin's name",
    required: true,
    complete: "directory",
  }],

  async run(args, context) {
    const { createPlugin } = await import("../plugins/create_plugin.ts");
    const directory = await createPlugin(args.positional("directory") ?? "", context, {
      kind: args.text("kind") ?? "dependency",
    });
    if (args.has("json")) {
      await context.stdio.output(`${JSON.stringify({ directory }, null, 2)}\n`);
      return EXIT.ok;
    }
    await context.stdio.error(`Wrote ${directory}; check it with: moat plugin test ${directory}\n`);
    return EXIT.ok;
  },
};

const test: LeafCommand = {
  name: "test",
  group: "Project",
  summary: "Check a plugin's directory against the contract",
  help:
    "A dependency: every version that it lists, on both architectures; builds nothing. A runtime runs " +
    "a few containers where its engine is.",
  example: "moat plugin test ./my-tool",
  flags: [JSON_FLAG],
  positionals: [{
    name: "directory",
    summary: "Where the plugin is; default: here",
    complete: "directory",
  }],

  async run(args, context) {
    const { testPlugin, renderChecks } = await import("../plugins/create_plugin.ts");
    const checks = await testPlugin(args.positional("directory") ?? ".", context);
    await context.stdio.output(
      args.has("json") ? `${JSON.stringify(checks, null, 2)}\n` : renderChecks(checks),
    );
    return checks.some(({ problem }) => problem !== undefined) ? EXIT.failure : EXIT.ok;
  },
};

/** The `plugin` command. */
export const plugin: CommandGroup = {
  name: "plugin",
  group: "Project",
  summary: "Add, check and update plugins of this project",
  help:
    "Plugins add what can stand under dependencies. Most are part of moat; others come from a " +
    "directory, an archive or npm, are pinned by moat.lock and used only after you accepted them.",
  example: "moat plugin add postgres",
  subcommands: [
    search,
    add,
    install,
    list,
    info,
    outdated,
    update,
    rollback,
    remove,
    verify,
    create,
    test,
  ],
};
