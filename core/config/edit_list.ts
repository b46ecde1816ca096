/**
 * Adds and removes entries of a list in moat.yaml, touching nothing else: comments, order, quotes and
 * line ends stay as they were written.
 *
 * Works on the text, at the places that the parser gives; the result is parsed again and compared
 * with what was meant before anybody sees it.
 *
 * @module
 */

import type { Document, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { MoatError } from "../errors.ts";

/** The text with the entry at the end of the top-level list `key`; the same text when it is there. */
export async function addToList(text: string, key: string, entry: string): Promise<string> {
  const yaml = await import("yaml");
  const before = listIn(yaml, text, key);
  if (before.entries.includes(entry)) return text;
  const line = `- ${quoteIfNeeded(yaml, entry)}`;
  const edited = insert(text, before, { key, line, word: quoteInFlow(yaml, entry) });
  return check(yaml, edited, { key, expected: [...before.entries, entry] });
}

/** The text without the entry; the same text when it is not there. */
export async function removeFromList(text: string, key: string, entry: string): Promise<string> {
  const yaml = await import("yaml");
  const before = listIn(yaml, text, key);
  const index = before.entries.indexOf(entry);
  if (index === -1) return text;
  const expected = before.entries.filter((_, i) => i !== index);
  return check(yaml, cut(text, before, index), { key, expected });
}

/** The entries of the top-level list `key` that are plain texts. */
export async function entriesOfList(text: string, key: string): Promise<readonly string[]> {
  return listIn(await import("yaml"), text, key).entries;
}

type Yaml = typeof import("yaml");

interface List {
  /** Absent: the key has no value, or is not there. */
  readonly seq: YAMLSeq | undefined;
  readonly pair: Pair<Scalar, unknown> | undefined;
  readonly entries: readonly string[];
}

function listIn(yaml: Yaml, text: string, key: string): List {
  const document: Document = yaml.parseDocument(text);
  const { contents } = document;
  if (contents === null) return { seq: undefined, pair: undefined, entries: [] };
  if (!yaml.isMap(contents) || contents.flow === true) throw uneditable(key);
  const pair = findPair(yaml, contents, key);
  const value = pair?.value;
  if (value === undefined || value === null || (yaml.isScalar(value) && value.value === null)) {
    return { seq: undefined, pair, entries: [] };
  }
  if (!yaml.isSeq(value)) throw uneditable(key);
  const entries = value.items.map((item) => yaml.isScalar(item) ? String(item.value) : "");
  return { seq: value, pair, entries };
}

function findPair(
  yaml: Yaml,
  map: YAMLMap,
  key: string,
): Pair<Scalar, unknown> | undefined {
  for (const pair of map.items) {
    if (yaml.isScalar(pair.key) && pair.key.value === key) {
      return { ...pair, key: pair.key } as Pair<Scalar, unknown>;
    }
  }
  return undefined;
}

function insert(
  text: string,
  { seq, pair }: List,
  { key, line, word }: { readonly key: string; readonly line: string; readonly word: string },
): string {
  const end = lineEnd(text);
  if (pair === undefined) {
    const gap = text === "" || text.endsWith("\n") ? "" : end;
    return `${text}${gap}${key}:${end}  ${line}${end}`;
  }
  if (seq === undefined || (seq.items.length === 0 && seq.flow !== true)) {
    return spliceLine(text, lineEndAt(text, pair.key.range?.[1] ?? 0), `  ${line}`);
  }
  if (seq.flow === true) {
    const close = (seq.range?.[1] ?? 0) - 1;
    const inner = text.slice((seq.range?.[0] ?? 0) + 1, close);
    const trailing = /\s*$/.exec(inner)?.[0] ?? "";
    const at = close - trailing.length;
    const comma = inner.trim() === "" || inner.trimEnd().endsWith(",") ? "" : ",";
    const space = inner.trim() === "" ? "" : " ";
    return `${text.slice(0, at)}${comma}${space}${word}${text.slice(at)}`;
  }
  const last = rangeOf(seq.items.at(-1));
  const indent = indentOf(text, rangeOf(seq.items[0])[0]);
  return spliceLine(text, lineEndAt(text, last[1]), `${indent}${line}`);
}

function cut(text: string, { seq, pair }: List, index: number): string {
  if (seq === undefined || pair === undefined) return text;
  const [start, end] = rangeOf(seq.items[index]);
  if (seq.flow === true) {
    const after = /^\s*,\s*/.exec(text.slice(end))?.[0];
    if (after !== undefined) return text.slice(0, start) + text.slice(end + after.length);
    const before = /,?\s*$/.exec(text.slice(0, start))?.[0] ?? "";
    return text.slice(0, start - before.length) + text.slice(end);
  }
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const next = lineEndAt(text, end);
  const rest = text.slice(0, lineStart) + text.slice(Math.min(text.length, next + 1));
  if (seq.items.length > 1) return rest;
  // An empty list is written without its key.
  const keyStart = pair.key.range?.[0] ?? 0;
  return rest.slice(0, keyStart) + rest.slice(lineEndAt(rest, keyStart) + 1);
}

/** What stands in front of an entry's dash. */
function indentOf(text: string, entry: number): string {
  const lineStart = text.lastIndexOf("\n", entry - 1) + 1;
  return /^\s*/.exec(text.slice(lineStart, entry))?.[0] ?? "";
}

function spliceLine(text: string, at: number, line: string): string {
  const end = lineEnd(text);
  const cr = text[at - 1] === "\r" ? 1 : 0;
  if (at >= text.length) return `${text}${end}${line}${end}`;
  return `${text.slice(0, at - cr)}${end}${line}${text.slice(at - cr)}`;
}

/** Position of the line break behind the position, or the text's end. */
function lineEndAt(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found === -1 ? text.length : found;
}

function lineEnd(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function rangeOf(item: unknown): readonly [number, number] {
  const range: unknown = Object(item).range;
  if (Array.isArray(range) && typeof range[0] === "number" && typeof range[1] === "number") {
    return [range[0], range[1]];
  }
  return [0, 0];
}

function quoteIfNeeded(yaml: Yaml, entry: string): string {
  return yaml.stringify(entry, { lineWidth: 0 }).trimEnd();
}

function quoteInFlow(yaml: Yaml, entry: string): string {
  const inList = yaml.stringify([entry], { lineWidth: 0, collectionStyle: "flow" }).trim();
  return inList.slice(1, -1).trim();
}

function check(
  yaml: Yaml,
  edited: string,
  { key, expected }: { readonly key: string; readonly expected: readonly string[] },
): string {
  const { entries } = listIn(yaml, edited, key);
  const same = entries.length === expected.length && entries.every((one, i) => one === expected[i]);
  if (same && yaml.parseDocument(edited).errors.length === 0) return edited;
  throw uneditable(key);
}

function uneditable(key: string): MoatError {
  return new MoatError(
    `Cannot edit "${key}" in moat.yaml: its list is written in a way that moat cannot change`,
    {
      hint: `Write ${key}: as a list with an entry a line, then try again`,
    },
  );
}
