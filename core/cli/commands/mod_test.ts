import assert from "node:assert/strict";
import { Arguments } from "../arguments.ts";
import { type Command, COMMAND_GROUPS, type LeafCommand } from "../command.ts";
import { completionScript } from "../completion_script.ts";
import { renderHelp, renderMainHelp } from "../help.ts";
import { parseArguments, placeholder } from "../parse.ts";
import { findCommand } from "../run_cli.ts";
import { COMMANDS } from "./mod.ts";

/** Every command that does something, with how it is typed. */
const LEAVES: readonly (readonly [string, LeafCommand])[] = COMMANDS.flatMap((command: Command) =>
  "subcommands" in command
    ? command.subcommands.map((leaf): [string, LeafCommand] => [
      `moat ${command.name} ${leaf.name}`,
      leaf,
    ])
    : [[`moat ${command.name}`, command] satisfies [string, LeafCommand]]
);

/** Splits a command line of the help at spaces, and quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

for (const [path, command] of LEAVES) {
  Deno.test(`command "${path}" describes itself well`, () => {
    assert.match(command.summary, /^[A-Z][^]*[^.]$/, "summary: a capital first, no full stop");
    assert.match(command.help, /\.$/, "help: whole sentences");
    assert(COMMAND_GROUPS.includes(command.group));
    for (const flag of command.flags) {
      assert.match(flag.name, /^[a-z][a-z-]+$/);
      assert.match(
        flag.summary,
        /^[A-Z][^]*[^.]$/,
        `--${flag.name}: a capital first, no full stop`,
      );
      if (flag.short !== undefined) assert.match(flag.short, /^[a-zA-Z]$/);
      if (flag.value !== undefined) assert.notEqual(placeholder(flag), "");
    }
  });

  Deno.test(`command "${path}" has no flag twice`, () => {
    const names = command.flags.flatMap(({ name, short }) => [name, ...short ? [short] : []]);
    assert.equal(new Set(names).size, names.length, names.join(" "));
    assert(!names.includes("h") && !names.includes("help"));
  });

  Deno.test(`command "${path}" has an example that its own parser takes`, () => {
    const [program, ...argv] = words(command.example);
    assert.equal(program, "moat");
    const found = findCommand(argv, { commands: COMMANDS, version: "0" });
    assert(found.kind === "command" && found.command === command);
    assert(parseArguments(found.words, command, { path }) instanceof Arguments);
  });

  Deno.test(`command "${path}" fits its short help on one screen`, () => {
    const lines = renderHelp(command, { path, wish: "short" }).trimEnd().split("\n");
    assert(lines.length <= 24, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= 100, `${line.length} columns: ${line}`);
  });
}

Deno.test("commands have names of their own", () => {
  const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  assert.equal(new Set(names).size, names.length, names.join(" "));
});

Deno.test("renderMainHelp() lists every command that is not hidden", () => {
  const help = renderMainHelp(COMMANDS);
  for (const { name, hidden } of COMMANDS) {
    assert.equal(new RegExp(`^  ${name} `, "m").test(help), !hidden, name);
  }
  assert(help.split("\n").length <= 40);
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completionScript() for ${shell} knows every flag`, () => {
    const script = completionScript(shell, COMMANDS);
    for (const [path, { flags, hidden }] of LEAVES) {
      if (hidden) continue;
      for (const flag of flags.filter((each) => !each.hidden)) {
        const word = shell === "fish" ? `-l ${flag.name}` : `--${flag.name}`;
        assert(script.includes(word), `${path} ${word}`);
      }
    }
  });
}
