/**
 * Instructions of a Dockerfile with every value quoted.
 *
 * Commands are written as JSON words, which no shell and no Dockerfile variable touches. A script is
 * one such word, broken after each of its lines so that it can be read.
 *
 * @module
 */

/** Options of {@linkcode runInstruction}. */
export interface RunInstructionOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cacheMounts?: readonly string[];
}

/** `RUN` of exact words; with variables through `env`. */
export function runInstruction(
  words: readonly string[],
  { env = {}, cacheMounts = [] }: RunInstructionOptions = {},
): string {
  const assignments = Object.entries(env).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, value]) => `${name}=${value}`);
  const all = assignments.length === 0 ? words : ["env", ...assignments, ...words];
  const mounts = cacheMounts.map((path) => `${cacheMountFlag(path)} `).join("");
  return `RUN ${mounts}${jsonWords(all)}`;
}

/** `RUN` of a script by `sh -eu`; `words` are its "$@". */
export function runScript(
  script: string,
  { words = [], ...options }: RunInstructionOptions & { readonly words?: readonly string[] } = {},
): string {
  const tail = words.length === 0 ? [] : ["sh", ...words];
  return runInstruction(["sh", "-euc", script.trim(), ...tail], options);
}

/** `COPY`, from another image when one is given. */
export function copyInstruction(from: string, to: string, image?: string): string {
  const source = image === undefined ? "" : `--from=${plainWord(image)} `;
  return `COPY ${source}${JSON.stringify([from, to])}`;
}

/** `ENV` of one variable; nothing in the value is expanded. */
export function envInstruction(name: string, value: string): string {
  return `ENV ${plainWord(name)}="${oneLine(value).replaceAll(/[\\"$]/g, "\\$&")}"`;
}

/** A cache directory of BuildKit; {@linkcode classicDockerfile} takes exactly these out. */
function cacheMountFlag(path: string): string {
  return `--mount=type=cache,sharing=locked,target=${plainWord(path)}`;
}

/** The same Dockerfile for the classic builder, which knows no mounts. */
export function classicDockerfile(dockerfile: string): string {
  return dockerfile.replaceAll(/^RUN (?:--mount=type=cache,sharing=locked,target=\S+ )+/gm, "RUN ");
}

/** What stands in an instruction without quotes. @throws TypeError on anything that needs them */
export function plainWord(word: string): string {
  if (/^[\w./:@+-]+$/.test(word)) return word;
  throw new TypeError(`${JSON.stringify(word)} cannot stand in a Dockerfile without quotes`);
}

function oneLine(value: string): string {
  if (!/[\r\n\0]/.test(value)) return value;
  throw new TypeError(`${JSON.stringify(value)} cannot be the value of a variable`);
}

function jsonWords(words: readonly string[]): string {
  return `[${words.map(jsonWord).join(", ")}]`;
}

/** A leading # would make a continued line a comment, so it is written as an escape. */
function jsonWord(word: string): string {
  const [first = "", ...rest] = word.split("\n").map((line) => JSON.stringify(line).slice(1, -1));
  const lines = rest.map((line) => line.replace(/^(\s*)#/, "$1\\u0023"));
  return lines.length === 0 ? `"${first}"` : `"\\\n${[first, ...lines].join("\\n\\\n")}"`;
}
