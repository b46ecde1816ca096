/** Every command line that a message or a page names can be typed. */

import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { MoatError } from "../core/errors.ts";
import { COMMANDS } from "../core/cli/commands/mod.ts";
import { parseArguments } from "../core/cli/parse.ts";
import { findCommand } from "../core/cli/run_cli.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");
const CODE = ["core", "runtimes", "plugins", "proxy", "scripts"];
/** What moat itself does, in sentences. */
const VERBS = ["runs", "keeps", "does", "itself", "has", "is", "needs", "made", "cannot", "failed"];
const PAGES = ["README.md", "CONTRIBUTING.md", "docs", "examples"];

/** A command line, with where it stands. */
interface Named {
  readonly line: string;
  readonly where: string;
}

Deno.test("every command named in a message exists, with its flags", () => {
  const named = CODE.flatMap((folder) => [...files(join(ROOT, folder), ".ts")])
    .filter((file) => !file.endsWith("_test.ts"))
    .flatMap((file) => inStrings(Deno.readTextFileSync(file), relative(ROOT, file)));
  assert(named.length > 20, `only ${named.length} were found`);
  assert.deepEqual(mistakes(named), []);
});

Deno.test("every command named on a page exists, with its flags", () => {
  const named = PAGES.flatMap((page) => [...files(join(ROOT, page), ".md")])
    .flatMap((file) => inCode(Deno.readTextFileSync(file), relative(ROOT, file)));
  assert.deepEqual(mistakes(named), []);
});

function* files(path: string, extension: string): Generator<string> {
  let isFile: boolean;
  try {
    ({ isFile } = Deno.statSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (isFile) return yield path;
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) yield* files(join(path, name), extension);
    else if (name.endsWith(extension)) yield join(path, name);
  }
}

/** Command lines in string literals: a whole string, or behind a colon, a quote or "with". */
function inStrings(text: string, where: string): Named[] {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const strings = code.matchAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g);
  return [...strings].flatMap(([literal]) => {
    const inner = literal.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, "<x>");
    const found = inner.matchAll(
      /(?:^|[:`(] ?|\b(?:with|or|of|than|and) |\\n ?)moat ((?!and\b|or\b)[^:`;,)→\\]+)/g,
    );
    return [...found].map(([, line = ""]) => ({ line, where }));
  });
}

/** Command lines in code spans and blocks. */
function inCode(text: string, where: string): Named[] {
  const spans = [...text.matchAll(/`moat ([^`\n]+)`/g)].map(([, line = ""]) => line);
  const blocks = [...text.matchAll(/^```(?:sh|console|bash)?\n([^]*?)^```/gm)]
    .flatMap(([, block = ""]) => [...block.matchAll(/^\$? ?moat ([^\n#]+)/gm)])
    .map(([, line = ""]) => line);
  return [...spans, ...blocks].map((line) => ({ line, where }));
}

function mistakes(named: readonly Named[]): readonly string[] {
  return named.flatMap(({ line, where }) => {
    const words = line.replaceAll("\\n", " ").trim().split(/[.]?(?:\s+|$)/);
    const first = words[0] ?? "";
    const isCommand = /^[-\w]/.test(first) && !VERBS.includes(first);
    const why = isCommand ? whyNot(words) : undefined;
    return why === undefined ? [] : [`${where}: moat ${line}: ${why}`];
  });
}

/** Prose may follow a command, and placeholders stand for values: only names are checked. */
function whyNot(words: readonly string[]): string | undefined {
  try {
    const found = findCommand(words, { commands: COMMANDS, version: "0" });
    if (found.kind === "print") return undefined;
    for (const word of found.words) {
      if (word === "--") return undefined;
      const flag = /^\[?(--?[a-z][a-z-]*)/.exec(word)?.[1];
      if (flag === undefined) continue;
      const { command } = found;
      const known = flag.startsWith("--")
        ? command.flags.some(({ name }) => `--${name}` === flag) || flag === "--help"
        : [...flag.slice(1)].every((letter) =>
          letter === "h" || command.flags.some(({ short }) => short === letter)
        );
      if (!known) return `there is no ${flag}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof MoatError) return error.message;
    throw error;
  }
}

Deno.test("parseArguments() is what these tests trust", () => {
  const found = findCommand(["run", "--no-such"], { commands: COMMANDS, version: "0" });
  assert(found.kind === "command");
  assert.throws(() => parseArguments(found.words, found.command), MoatError);
});
