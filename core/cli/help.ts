/**
 * Help texts, rendered from the command values. `-h` fits one screen; `--help` shows all.
 *
 * @module
 */

import {
  type Command,
  COMMAND_GROUPS,
  type CommandGroup,
  type Flag,
  type LeafCommand,
} from "./command.ts";
import { HELP_FLAG, type HelpWish, placeholder } from "./parse.ts";
import { alignColumns } from "./table.ts";

/** The words behind the command's name, such as `[flags] [path] [-- command…]`. */
export function usageOf(command: Command): string {
  if ("subcommands" in command) return `<${command.subcommands.map(nameOf).join("|")}>`;
  const words = command.flags.length > 0 ? ["[flags]"] : [];
  for (const { name, required } of command.positionals) {
    words.push(required ? `<${name}>` : `[${name}]`);
  }
  const { rest } = command;
  if (rest !== undefined) words.push(rest.required ? `-- <${rest.name}…>` : `[-- ${rest.name}…]`);
  return words.join(" ");
}

/** Help of moat itself: every command by group. */
export function renderMainHelp(commands: readonly Command[]): string {
  const shown = commands.filter(({ hidden }) => !hidden);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const groups = COMMAND_GROUPS.flatMap((group) => {
    const members = shown.filter((command) => command.group === group);
    if (members.length === 0) return [];
    return [
      `${group}:`,
      ...members.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    ];
  });
  return [
    "moat runs coding agents, and any other command, in isolation",
    "",
    "Usage: moat <command> [flags]",
    "",
    ...groups,
    "",
    "moat <command> -h says more about one. Example: moat run -- npm test",
    "",
  ].join("\n");
}

/** Help of one leaf command; `path` is how it is typed, such as `moat deps list`. */
export function renderHelp(
  command: LeafCommand,
  { path, wish }: { readonly path: string; readonly wish: HelpWish },
): string {
  const long = wish === "long";
  const visible = command.flags.filter(({ hidden, rare }) => !hidden && (long || !rare));
  const isCut = visible.length < command.flags.filter(({ hidden }) => !hidden).length;
  const lines = [command.summary, "", `Usage: ${`${path} ${usageOf(command)}`.trimEnd()}`];
  if (long) lines.push("", command.help);
  const words = [
    ...command.positionals.map(({ name, summary }) => [`  ${name}`, summary]),
    ...(command.rest === undefined ? [] : [[`  ${command.rest.name}`, command.rest.summary]]),
  ];
  if (words.length > 0) lines.push("", ...alignColumns(words));
  lines.push("", ...alignColumns([...visible, HELP_FLAG].map(flagCells)));
  lines.push("", `Example: ${command.example}`);
  if (isCut) lines.push(`All flags: ${path} --help`);
  if (long && command.aliases !== undefined) lines.push(`Also: ${command.aliases.join(", ")}`);
  return lines.join("\n") + "\n";
}

/** Help of a command of commands. */
export function renderGroupHelp(command: CommandGroup): string {
  return [
    command.summary,
    "",
    `Usage: moat ${command.name} ${usageOf(command)}`,
    "",
    command.help,
    "",
    ...alignColumns(command.subcommands.map((sub) => [`  ${sub.name}`, sub.summary])),
    "",
    `Example: ${command.example}`,
    "",
  ].join("\n");
}

/** A flag's two cells: how it is typed, and what it does. */
export function flagCells(flag: Flag): readonly [string, string] {
  const value = placeholder(flag);
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return [`  ${short}--${flag.name}${value === "" ? "" : ` ${value}`}`, flag.summary];
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
