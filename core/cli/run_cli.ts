/**
 * From argv to exit code: finds the command, parses its words, runs it, reports what it throws.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { EXIT, UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Command, LeafCommand } from "./command.ts";
import { COMMANDS } from "./commands/mod.ts";
import { renderGroupHelp, renderHelp, renderMainHelp } from "./help.ts";
import { parseArguments } from "./parse.ts";
import { reportError } from "./report_error.ts";

/** Runs one command line and returns moat's exit code; never throws. */
export async function runCli(
  argv: readonly string[],
  context: Context,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  let failureExitCode: number = EXIT.failure;
  try {
    const found = findCommand(argv, { commands, version: context.version });
    if (found.kind === "print") {
      await context.stdio.output(found.text);
      return EXIT.ok;
    }
    const { command, path, words } = found;
    failureExitCode = command.failureExitCode ?? EXIT.failure;
    const args = parseArguments(words, command, { path });
    if (typeof args === "string") {
      await context.stdio.output(renderHelp(command, { path, wish: args }));
      return EXIT.ok;
    }
    return await command.run(args, context);
  } catch (error) {
    if (isBrokenPipe(error)) return EXIT.failure;
    return await reportError(error, context.stdio, { failureExitCode });
  }
}

/** What argv asks for. */
export type Found =
  | { readonly kind: "print"; readonly text: string }
  | {
    readonly kind: "command";
    readonly command: LeafCommand;
    /** As typed without aliases, such as `moat deps list`. */
    readonly path: string;
    readonly words: readonly string[];
  };

/** Finds the command that argv names. Pure. @throws UsageError naming the nearest one */
export function findCommand(
  argv: readonly string[],
  { commands, version }: { readonly commands: readonly Command[]; readonly version: string },
): Found {
  const [first, ...words] = argv;
  if (first === undefined || first === "-h" || first === "--help") {
    return { kind: "print", text: renderMainHelp(commands) };
  }
  if (first === "--version" || first === "-V") return { kind: "print", text: `moat ${version}\n` };
  if (first === "help") {
    const asked = words[0];
    if (asked === undefined) return { kind: "print", text: renderMainHelp(commands) };
    return findCommand([...words, "--help"], { commands, version });
  }
  const command = lookUp(first, { commands, parent: "moat" });
  if (!("subcommands" in command)) {
    return { kind: "command", command, path: `moat ${command.name}`, words };
  }
  const [second, ...others] = words;
  if (second === undefined || second === "-h" || second === "--help") {
    return { kind: "print", text: renderGroupHelp(command) };
  }
  const parent = `moat ${command.name}`;
  const leaf = lookUp(second, { commands: command.subcommands, parent });
  return { kind: "command", command: leaf, path: `${parent} ${leaf.name}`, words: others };
}

function lookUp<C extends Command>(
  word: string,
  { commands, parent }: { readonly commands: readonly C[]; readonly parent: string },
): C {
  const found = commands.find(({ name, aliases }) => name === word || aliases?.includes(word));
  if (found !== undefined) return found;
  if (word.startsWith("-")) {
    throw new UsageError(`Cannot use flag "${word}": flags stand behind the command`, {
      hint: `${parent} <command> ${word}`,
    });
  }
  const known = commands.filter(({ hidden }) => !hidden);
  const guess = nearest(word, known.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  throw new UsageError(`Cannot find command "${word}": there is no such command`, {
    hint: guess === undefined ? `${parent} -h` : `${parent} ${guess}`,
  });
}

/** The reader of our output went away, as `moat list | head -1` does: nobody is left to tell. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe;
}
