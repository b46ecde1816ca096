/**
 * Reads a YAML file into a plain value that still knows where each part of it stands.
 *
 * Everything that a stranger's file can hold is refused with a position: other encodings, syntax
 * errors, duplicate keys, unknown tags, aliases that multiply, files of any size. What the values
 * mean is not looked at here: see `validate.ts`.
 *
 * @module
 */

import type { Document, LineCounter, Node, Pair, Scalar } from "yaml";
import { ConfigError, describeError, type FilePosition, MoatError } from "../errors.ts";

/** The `yaml` library, loaded only when there is a file to read. */
type Yaml = typeof import("yaml");

/** Where something is in a YAML value: keys and indices from the top. */
export type YamlPath = readonly (string | number)[];

/** Options of {@linkcode readYaml}. */
export interface ReadYamlOptions {
  /**
   * Places whose plain scalars stay as they were written (`1.10`, not 1.1), `*` matching any key.
   */
  readonly verbatim: readonly YamlPath[];
}

/** A file of this size is no configuration. */
const MAX_BYTES = 1024 * 1024;
/** Names that JavaScript objects give a meaning of their own. */
const UNUSABLE_KEYS = new Set(["__proto__", "prototype", "constructor"]);
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** A parsed file. */
export class YamlFile {
  readonly file: string;
  /** Maps, lists, texts, numbers, booleans and null; `{}` for an empty file. */
  readonly value: unknown;
  readonly #yaml: Yaml;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #text: string;

  constructor(
    file: string,
    parsed: {
      readonly yaml: Yaml;
      readonly document: Document;
      readonly lines: LineCounter;
      readonly text: string;
      readonly value: unknown;
    },
  ) {
    this.file = file;
    this.value = parsed.value;
    this.#yaml = parsed.yaml;
    this.#document = parsed.document;
    this.#lines = parsed.lines;
    this.#text = parsed.text;
  }

  /** Where the value at the path stands, or its nearest parent that the file has. */
  positionOf(path: YamlPath): FilePosition {
    for (let length = path.length; length > 0; length--) {
      const start = this.#pair(path.slice(0, length))?.value?.range?.[0];
      if (start !== undefined) return this.#position(start);
    }
    return this.#position(this.#document.contents?.range?.[0] ?? 0);
  }

  /** Where the last key of the path stands. */
  positionOfKey(path: YamlPath): FilePosition {
    const start = this.#pair(path)?.key?.range?.[0];
    return start === undefined ? this.positionOf(path) : this.#position(start);
  }

  /** The value as it was written, for messages: a quoted text, `a list`, `a map` or `nothing`. */
  show(path: YamlPath): string {
    const node = this.#pair(path)?.value;
    if (node === undefined || node === null) return "nothing";
    if (this.#yaml.isMap(node)) return "a map";
    if (this.#yaml.isSeq(node)) return "a list";
    if (this.#yaml.isScalar(node) && typeof node.value === "string") return quote(node.value);
    const written = this.#text.slice(node.range?.[0] ?? 0, node.range?.[1] ?? 0);
    return written === "" ? "nothing" : quote(written);
  }

  #position(offset: number): FilePosition {
    return positionAt(this.file, this.#lines, offset);
  }

  /** The key and the value node at the path, aliases followed. */
  #pair(path: YamlPath): { key: Node | undefined; value: Node | undefined } | undefined {
    let key: Node | undefined;
    let value: Node | undefined = this.#document.contents ?? undefined;
    for (const step of path) {
      const inside = this.#yaml.isAlias(value) ? value.resolve(this.#document) : value;
      if (this.#yaml.isSeq(inside)) {
        const item: unknown = inside.items[Number(step)];
        key = undefined;
        value = this.#yaml.isNode(item) ? item : undefined;
      } else if (this.#yaml.isMap(inside)) {
        const pair = inside.items.find((pair) =>
          String(this.#yaml.isScalar(pair.key) ? pair.key.value : pair.key) === String(step)
        );
        key = this.#yaml.isNode(pair?.key) ? pair.key : undefined;
        value = this.#yaml.isNode(pair?.value) ? pair.value : undefined;
      } else {
        return undefined;
      }
      if (key === undefined && value === undefined) return undefined;
    }
    return { key, value };
  }
}

/** Quotes a piece of a file for a message: one line, not too long. */
export function quote(text: string): string {
  // deno-lint-ignore no-control-regex
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  const short = [...line].length > 60 ? `${[...line].slice(0, 57).join("")}...` : line;
  return `"${short}"`;
}

/**
 * Reads and parses the file; `undefined` when it is not there.
 *
 * @throws ConfigError for anything in it that is not one plain YAML map
 */
export async function readYaml(
  file: string,
  { verbatim }: ReadYamlOptions,
): Promise<YamlFile | undefined> {
  const text = await readYamlText(file);
  return text === undefined ? undefined : await parseYaml(file, text, { verbatim });
}

/** Parses a file's text; `file` is for messages. @throws ConfigError as `readYaml()` does */
export async function parseYaml(
  file: string,
  text: string,
  { verbatim }: ReadYamlOptions,
): Promise<YamlFile> {
  checkCharacters(file, text);
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = parse(file, text, { yaml, lines });
  checkNodes(file, document, { yaml, lines, verbatim });
  const value = toValue(file, document, { yaml, lines });
  const result = new YamlFile(file, { yaml, document, lines, text, value });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(
      result.positionOf([]),
      `Cannot read ${result.show([])}: the file is not a map of keys`,
      { hint: "Write keys such as name: my-app, one a line" },
    );
  }
  return result;
}

/** The file's text, for `parseYaml()`; `undefined` when it is not there. @throws MoatError for no text */
export async function readYamlText(file: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = await Deno.stat(file);
    if (!isFile) throw new MoatError(`Cannot read "${file}": it is not a file`);
    if (size > MAX_BYTES) {
      throw new MoatError(
        `Cannot read "${file}": ${size} bytes are too many, the most is ${MAX_BYTES}`,
      );
    }
    bytes = await Deno.readFile(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    if (cause instanceof MoatError) throw cause;
    throw new MoatError(`Cannot read "${file}": ${describeError(cause)}`, { cause });
  }
  return decode(file, bytes);
}

function checkCharacters(file: string, text: string): void {
  const control = CONTROL.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, "0");
    throw new ConfigError(
      countPosition(file, text.slice(0, control.index)),
      `Cannot read character U+${code}: YAML does not allow it`,
      { hint: "Remove it, or write it as an escape in double quotes" },
    );
  }
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const valid = new TextDecoder().decode(bytes).split("\ufffd", 1)[0] ?? "";
    throw new ConfigError(countPosition(file, valid), "Cannot read the text: it is not UTF-8", {
      cause,
      hint: "Save the file as UTF-8",
    });
  }
}

function countPosition(file: string, before: string): FilePosition {
  const lines = before.split("\n");
  return { file, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

function parse(
  file: string,
  text: string,
  { yaml, lines }: { readonly yaml: Yaml; readonly lines: LineCounter },
): Document {
  let document: Document.Parsed;
  try {
    document = yaml.parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      merge: true,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw tooDeep(file, cause);
  }
  const [first] = [...document.errors, ...document.warnings].toSorted((a, b) =>
    a.pos[0] - b.pos[0]
  );
  if (first === undefined) return document;
  const { state, hint } = explain(first.code, first.message);
  const start = openQuote(document, { yaml, end: first.pos[0] }) ?? first.pos[0];
  const line = text.slice(text.lastIndexOf("\n", start - 1) + 1).split("\n", 1)[0] ?? "";
  const subject = line.trim() === "" ? "the end of the file" : quote(line);
  throw new ConfigError(positionAt(file, lines, start), `Cannot read ${subject}: ${state}`, {
    cause: first,
    hint,
  });
}

/** Where the quoted text starts that is still open at the end. */
function openQuote(
  document: Document,
  { yaml, end }: { readonly yaml: Yaml; readonly end: number },
): number | undefined {
  let start: number | undefined;
  yaml.visit(document, {
    Scalar(_, { type, range }) {
      const isQuoted = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE";
      if (isQuoted && range?.[1] === end) start = range[0];
    },
  });
  return start;
}

/** What a syntax error means to somebody who writes a configuration. */
function explain(code: string, message: string): { readonly state: string; readonly hint: string } {
  if (/closing .quote/.test(message)) {
    return { state: "its quote is not closed", hint: "End the text with the quote it starts with" };
  }
  if (/end with a [\]}]/.test(message)) {
    return { state: "a [ or { before it is not closed", hint: "Close it with ] or }" };
  }
  switch (code) {
    case "DUPLICATE_KEY":
      return { state: "the key is there twice", hint: "Keep one of the two" };
    case "TAB_AS_INDENT":
      return { state: "a tab indents it", hint: "Indent with spaces" };
    case "MULTIPLE_DOCS":
      return { state: "a second document begins", hint: "Keep one document and remove ---" };
    case "BAD_INDENT":
      return { state: "its indentation fits nothing above", hint: "Align it with its neighbours" };
    case "TAG_RESOLVE_FAILED":
      return { state: "tags are not used here", hint: "Remove the word that starts with !" };
    case "BLOCK_AS_IMPLICIT_KEY":
      return { state: "its second colon begins a map", hint: "Put the text behind : into quotes" };
    default:
      return {
        state: `it is not YAML (${message.charAt(0).toLowerCase()}${message.slice(1)})`,
        hint: "Put text with special characters such as : # [ { * & into quotes",
      };
  }
}

/** Refuses keys that are no names, and keeps the scalars of `verbatim` as they were written. */
function checkNodes(
  file: string,
  document: Document,
  { yaml, lines, verbatim }: {
    readonly yaml: Yaml;
    readonly lines: LineCounter;
    readonly verbatim: readonly YamlPath[];
  },
): void {
  yaml.visit(document, {
    Pair(_, { key }: Pair<unknown, unknown>) {
      const position = positionAt(file, lines, yaml.isNode(key) ? key.range?.[0] ?? 0 : 0);
      if (!yaml.isScalar(key) || key.value === null) {
        throw new ConfigError(position, "Cannot read a key: it is not text", {
          hint: "Use a word as the key",
        });
      }
      if (typeof key.value === "symbol" || !UNUSABLE_KEYS.has(`${key.value}`)) return;
      throw new ConfigError(position, `Cannot read "${key.value}": it cannot be a key`, {
        hint: "Choose another name",
      });
    },
    Alias(_, alias, path) {
      const target = alias.resolve(document);
      if (target === undefined || !path.some((above) => above === target)) return;
      throw new ConfigError(
        positionAt(file, lines, alias.range?.[0] ?? 0),
        `Cannot follow "*${alias.source}": it leads to itself`,
        { hint: "Write the values out instead of * and &" },
      );
    },
  });
  for (const path of verbatim) {
    for (const scalar of scalarsAt(yaml, document, { node: document.contents, path })) {
      const isWord = typeof scalar.value === "number" || typeof scalar.value === "boolean" ||
        typeof scalar.value === "bigint";
      if (isWord && scalar.source !== undefined) scalar.value = scalar.source;
    }
  }
}

function scalarsAt(
  yaml: Yaml,
  document: Document,
  { node, path }: { readonly node: unknown; readonly path: YamlPath },
): Scalar[] {
  const inside = yaml.isAlias(node) ? node.resolve(document) : node;
  const [step, ...rest] = path;
  if (step === undefined) return yaml.isScalar(inside) ? [inside] : [];
  if (yaml.isSeq(inside) && step === "*") {
    return inside.items.flatMap((item) => scalarsAt(yaml, document, { node: item, path: rest }));
  }
  if (!yaml.isMap(inside)) return [];
  return inside.items
    .filter(({ key }) => step === "*" || (yaml.isScalar(key) && key.value === step))
    .flatMap(({ value }) => scalarsAt(yaml, document, { node: value, path: rest }));
}

function toValue(
  file: string,
  document: Document,
  { yaml, lines }: { readonly yaml: Yaml; readonly lines: LineCounter },
): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(file, cause);
    if (!(cause instanceof Error)) throw cause;
    throw aliasError(file, document, { yaml, lines, cause });
  }
}

function aliasError(
  file: string,
  document: Document,
  { yaml, lines, cause }: {
    readonly yaml: Yaml;
    readonly lines: LineCounter;
    readonly cause: Error;
  },
): ConfigError {
  const missing = /^Unresolved alias.*: (\S+)$/.exec(cause.message)?.[1];
  let start = 0;
  yaml.visit(document, {
    Alias(_, { source, range }) {
      if (missing !== undefined && source !== missing) return;
      start = range?.[0] ?? 0;
      return yaml.visit.BREAK;
    },
  });
  const position = positionAt(file, lines, start);
  if (missing !== undefined) {
    return new ConfigError(position, `Cannot read "*${missing}": nothing above has that anchor`, {
      cause,
      hint: "Put text that starts with * into quotes",
    });
  }
  return new ConfigError(
    position,
    "Cannot follow the aliases from here on: they multiply",
    { cause, hint: "Write the values out instead of * and &" },
  );
}

function tooDeep(file: string, cause: unknown): ConfigError {
  return new ConfigError(
    { file, line: 1, column: 1 },
    "Cannot read the file: its lists and maps are nested too deeply",
    { cause },
  );
}

function positionAt(file: string, lines: LineCounter, offset: number): FilePosition {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}
