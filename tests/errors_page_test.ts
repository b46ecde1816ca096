/** docs/errors.md and the messages in the code are the same ones, with … for what varies. */

import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname ?? ".", "..");
const CODE = ["core", "runtimes", "plugins", "proxy"];

const page = await Deno.readTextFile(join(ROOT, "docs/errors.md"));
const onPage = [...page.matchAll(/`(Cannot [^`\n]+)`/g)].map(([, pattern = ""]) => pattern);
const inCode = await messages();

Deno.test("errors.md and the code agree: every message of the code is on the page", () => {
  assert(inCode.length > 100, `only ${inCode.length} were found`);
  const patterns = onPage.map(toRegExp);
  assert.deepEqual(inCode.filter((text) => !patterns.some((pattern) => pattern.test(text))), []);
});

Deno.test("errors.md and the code agree: every message on the page is in the code", () => {
  const gone = onPage.filter((pattern) => !inCode.some((text) => toRegExp(pattern).test(text)));
  assert.deepEqual(gone, []);
});

Deno.test("errors.md: no pattern stands for everything, none is there twice", () => {
  assert.deepEqual(onPage.filter((pattern) => /^Cannot …(: …)?$/.test(pattern)), []);
  assert.deepEqual(onPage.filter((pattern, index) => onPage.indexOf(pattern) !== index), []);
});

Deno.test("literalsIn() reads strings and templates, also nested ones", () => {
  const code = 'throw new E(`Cannot do "${a ? `x ${b}` : c}": it is\\n${d}`); f("Cannot go: no");';
  assert.deepEqual(literalsIn(code), ['Cannot do "…": it is', "Cannot go: no"]);
  assert.deepEqual(literalsIn('const doing = `stop "${name}"`;'), ['Cannot stop "…": …']);
});

/** First lines of all messages, what varies as `…`. */
async function messages(): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const folder of CODE) {
    for await (const file of sources(join(ROOT, folder))) {
      const text = await Deno.readTextFile(file);
      for (const message of literalsIn(text)) found.add(message);
      if (!file.endsWith(".sh")) continue;
      for (const [message] of text.matchAll(/Cannot [^\n\\']+/g)) {
        found.add(message.replaceAll("%s", "…"));
      }
    }
  }
  // Made of two variables: what they can be is found by itself.
  return [...found].filter((text) => !/^Cannot …(: …)?$/.test(text)).sort();
}

/** Messages, and the actions (`doing`) that messages are made of. */
function literalsIn(text: string): string[] {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const starts = [...code.matchAll(/(["'`])Cannot |\bdoing(?: =|:) (["`])/g)];
  return starts.flatMap(({ 0: start, 1: quote, 2: doing, index }) => {
    const at = index + (quote === undefined ? start.length : 1);
    const literal = readLiteral(code, { at, quote: quote ?? doing ?? '"' }).split("\\n")[0] ?? "";
    return quote === undefined ? [`Cannot ${literal}: …`] : [literal];
  });
}

function readLiteral(code: string, { at, quote }: { at: number; quote: string }): string {
  let literal = "";
  for (let index = at; index < code.length && code[index] !== quote;) {
    if (quote === "`" && code.startsWith("${", index)) {
      literal += "…";
      index = afterExpression(code, index + 2);
    } else if (code[index] === "\\") {
      literal += code[index + 1] === "n" ? "\\n" : code[index + 1];
      index += 2;
    } else literal += code[index++];
  }
  return literal;
}

/** Where the expression ends that starts there; templates and strings in it are passed over. */
function afterExpression(code: string, start: number): number {
  let quote = "";
  for (let index = start, depth = 0; index < code.length; index++) {
    const character = code[index];
    if (character === "\\") index++;
    else if (quote !== "" && character === quote) quote = "";
    else if (quote === "`" && code.startsWith("${", index)) {
      index = afterExpression(code, index + 2) - 1;
    } else if (quote !== "") continue;
    else if (character === "`" || character === '"' || character === "'") quote = character;
    else if (character === "{") depth++;
    else if (character === "}" && depth-- === 0) return index + 1;
  }
  return code.length;
}

function toRegExp(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("…", ".*")}$`);
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (/\.(ts|sh)$/.test(name) && !name.endsWith("_test.ts")) yield path;
  }
}
