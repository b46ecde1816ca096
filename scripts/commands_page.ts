/**
 * docs/commands.md, rendered from the command values.
 *
 * @module
 */

import { type Command, COMMAND_GROUPS, type LeafCommand } from "../core/cli/command.ts";
import { usageOf } from "../core/cli/help.ts";
import { placeholder } from "../core/cli/parse.ts";

/** The whole page. */
export function renderCommandsPage(commands: readonly Command[]): string {
  const shown = commands.filter(({ hidden }) => !hidden);
  const groups = COMMAND_GROUPS.flatMap((group) => {
    const members = shown.filter((command) => command.group === group);
    return members.length === 0 ? [] : [`## ${group}`, ...members.flatMap(renderCommand)];
  });
  return [
    "# Commands",
    "<!-- Written by scripts/docs.ts from core/cli/commands; changes here are lost. -->",
    "Every command takes `-h` for short and `--help` for long help. Exit codes: the command's own of " +
    "`run`, `exec`, `attach` and `wait` (128+n when signal n ended it); 124 after a time-out, 125 when " +
    "moat itself failed, 126 and 127 when the command cannot be invoked or found; of all commands 0 for " +
    "success, 1 for failure, 2 for a mistake on the command line, 130 when interrupted before the " +
    "program ran.",
    ...groups,
  ].join("\n\n") + "\n";
}

function renderCommand(command: Command): string[] {
  if (!("subcommands" in command)) return renderLeaf(command, `moat ${command.name}`, "###");
  return [
    `### moat ${command.name}`,
    `${command.summary}. ${oneParagraph(command.help)}`,
    ...command.subcommands.flatMap((leaf) =>
      renderLeaf(leaf, `moat ${command.name} ${leaf.name}`, "####")
    ),
  ];
}

function renderLeaf(command: LeafCommand, path: string, heading: string): string[] {
  const { summary, help, aliases, example } = command;
  const also = aliases === undefined
    ? ""
    : ` Also: ${aliases.map((name) => `\`moat ${name}\``).join(", ")}.`;
  const flags = command.flags.filter(({ hidden }) => !hidden);
  const table = flags.map((flag) => {
    const short = flag.short === undefined ? "" : `\`-${flag.short}\`, `;
    const typed = `--${flag.name} ${placeholder(flag)}`.trimEnd();
    return `| ${short}\`${typed.replaceAll("|", "\\|")}\` | ${flag.summary} |`;
  });
  return [
    `${heading} ${path}`,
    `${summary}. ${oneParagraph(help)}${also}`,
    `\`\`\`\n${`${path} ${usageOf(command)}`.trimEnd()}\n\`\`\``,
    ...(table.length === 0 ? [] : [["| flag | does |", "|---|---|", ...table].join("\n")]),
    `Example: \`${example}\``,
  ];
}

function oneParagraph(text: string): string {
  return text.replaceAll("\n", " ");
}
