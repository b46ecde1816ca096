/**
 * The instructions of a Dockerfile with their lines, for messages. Knows continued lines and
 * comments; heredocs are not used here.
 *
 * @module
 */

/** One instruction; lines count from 1. */
export interface Instruction {
  readonly line: number;
  /** As written, with its line breaks. */
  readonly source: string;
}

/** All instructions in order. */
export function instructionsOf(dockerfile: string): readonly Instruction[] {
  const found: Instruction[] = [];
  let open: { line: number; lines: string[] } | undefined;
  for (const [index, text] of dockerfile.split("\n").entries()) {
    if (open === undefined && isSkipped(text)) continue;
    open ??= { line: index + 1, lines: [] };
    open.lines.push(text);
    if (isContinued(text) || isSkipped(text)) continue;
    found.push({ line: open.line, source: open.lines.join("\n") });
    open = undefined;
  }
  if (open !== undefined) found.push({ line: open.line, source: open.lines.join("\n") });
  return found;
}

/** Instructions that BuildKit counts as steps. */
const COUNTED = /^\s*(?:FROM|RUN|COPY|ADD|WORKDIR)\s/i;

/**
 * The instruction that a step's name such as `[2/5] RUN apt-get update` stands for: by its number
 * where the Dockerfile has that many steps, else by its text, in which variables are filled in.
 */
export function instructionNamed(
  name: string,
  instructions: readonly Instruction[],
): Instruction | undefined {
  const [, number, total] = /^\[[^\]]*?(\d+)\/(\d+)\]/.exec(name) ?? [];
  const counted = instructions.filter(({ source }) =>
    COUNTED.test(source) && !/^\s*FROM\s+scratch\s*$/i.test(source)
  );
  if (counted.length === Number(total)) return counted[Number(number) - 1];
  const wanted = flatten(name.replace(/^\[[^\]]*\]\s*/, ""));
  return instructions.find(({ source }) => flatten(source) === wanted);
}

/** The instruction that a line is part of. */
export function instructionAt(
  line: number,
  instructions: readonly Instruction[],
): Instruction | undefined {
  return instructions.findLast((instruction) => instruction.line <= line);
}

/** What a line shows of a step: a script by its first command, without flags, in 80 characters. */
export function stepTitle(name: string): string {
  const [, step = "", keyword = "", rest = ""] =
    /^(\[[^\]]*\]\s+)?([A-Z]+\s+)?([^]*)$/.exec(name) ?? [];
  const bare = keyword.startsWith("FROM")
    ? rest.replace(/^docker\.io\/(?:library\/)?/, "").replace(/@sha256:[0-9a-f]+$/, "")
    : rest.replace(/^(?:--mount=\S+\s+)+/, "").replace(/^\[([^\s"]*,[^\s"]*)\]$/, copied);
  const title = `${keyword}${scriptTitle(bare) ?? bare}`.replaceAll(/\s+/g, " ").trim();
  return `${step.replace("[stage-0 ", "[")}${title.length > 80 ? `${title.slice(0, 79)}…` : title}`;
}

/** BuildKit names a copy's paths as `[from,to]`. */
function copied(_all: string, paths: string): string {
  return paths.replaceAll(",", " ");
}

/** `["sh", "-euc", "…"]` gives the script's first line that is a command, or its `: title`. */
function scriptTitle(text: string): string | undefined {
  if (!text.startsWith("[")) return undefined;
  const words = withoutEnv(parseWords(text.replaceAll("\\\n", "")) ?? wordsOfName(text));
  if (words === undefined) return undefined;
  const [program = "", flags = "", script = ""] = words;
  if (!/^(?:\/bin\/)?(?:ba)?sh$/.test(program) || !/^-\w*c$/.test(flags)) return words.join(" ");
  const lines = script.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#") && !line.startsWith("set -"))
    ?.replace(/^: /, "");
}

/** Variables that only `env` sees say less than the program that it starts. */
function withoutEnv(words: readonly string[] | undefined): readonly string[] | undefined {
  if (words?.[0] !== "env") return words;
  const start = words.findIndex((word, index) => index > 0 && !/^\w+=/.test(word));
  return start < 0 ? words : words.slice(start);
}

/** BuildKit writes the words of a step's name with their quotes as they are, which is no JSON. */
function wordsOfName(text: string): readonly string[] | undefined {
  const [, start = "", script = ""] =
    /^\[((?:"[^"\\]*", )*?"(?:\/bin\/)?(?:ba)?sh", "-\w*c", )"([^]*)$/.exec(text) ?? [];
  const words = parseWords(`[${start.replace(/, $/, "")}]`);
  return words === undefined || words.length === 0
    ? undefined
    : [...words, script.replaceAll("\\n", "\n")];
}

function parseWords(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isSkipped(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

function isContinued(line: string): boolean {
  return /\\\s*$/.test(line);
}

/** Names of steps have neither line breaks nor repeated blanks. */
function flatten(text: string): string {
  return text.replaceAll(/\\\s*\n/g, "").replaceAll(/\s+/g, "");
}
