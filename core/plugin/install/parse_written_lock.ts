/**
 * Reads moat.lock where it has the very form in which moat writes it: a command that uses none of a
 * project's plugins then loads no YAML library for them.
 *
 * Pure. What looks different in any way, right or wrong, is for `readLock()` to read or to refuse.
 *
 * @module
 */

import { PLUGIN_KINDS } from "../manifest_kinds.ts";
import type { LockedPlugin } from "./plugin_lock.ts";

const HEAD = /^# Written by moat plugin; commit it\.\nlock: 1\nplugins:\n/;
const ID = /^ {2}([a-z][a-z0-9-]*):$/;
const FIELD = /^ {4}(kind|version|source|digest): (\S+)$/;
const PREVIOUS = /^ {4}previous:$/;
const PREVIOUS_FIELD = /^ {6}(version|source|digest): (\S+)$/;

/** Plain words that YAML takes for nothing but text. */
const TEXT = /^(?!(?:true|false|null)$)(?:[A-Za-z]|\.{0,2}\/)[\w.\/@+-]*(?::[\w.\/@+-]+)*$/i;
/** In quotes where YAML would take it for a number; `readLock()` takes plain ones as they are written. */
const VERSION = /^("?)(?!(?:true|false|null)$)([0-9A-Za-z][\w.+-]*)\1$/i;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The plugins, or `undefined` for another form. */
export function parseWrittenLock(text: string): readonly LockedPlugin[] | undefined {
  const head = HEAD.exec(text);
  if (head === null || !text.endsWith("\n")) return undefined;
  const found: Entry[] = [];
  for (const line of text.slice(head[0].length, -1).split("\n")) {
    if (!addLine(line, found)) return undefined;
  }
  const plugins = found.map(finish);
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size < found.length || !plugins.every((plugin) => plugin !== undefined)) return undefined;
  return plugins.toSorted((a, b) => a.id < b.id ? -1 : 1);
}

type Fields = Map<string, string>;

interface Entry {
  readonly id: string;
  readonly fields: Fields;
  previous?: Fields;
}

/** Whether the line is one of the form, at its place. */
function addLine(line: string, found: Entry[]): boolean {
  const [, id] = ID.exec(line) ?? [];
  if (id !== undefined) {
    found.push({ id, fields: new Map() });
    return true;
  }
  const entry = found.at(-1);
  if (entry === undefined) return false;
  if (PREVIOUS.test(line)) {
    if (entry.previous !== undefined) return false;
    entry.previous = new Map();
    return true;
  }
  const fields = entry.previous ?? entry.fields;
  const [, name, value] = (entry.previous === undefined ? FIELD : PREVIOUS_FIELD).exec(line) ?? [];
  if (name === undefined || value === undefined || fields.has(name)) return false;
  fields.set(name, value);
  return true;
}

function finish({ id, fields, previous }: Entry): LockedPlugin | undefined {
  const kind = PLUGIN_KINDS.find((one) => one === fields.get("kind"));
  const exact = exactOf(fields);
  if (kind === undefined || exact === undefined) return undefined;
  if (previous === undefined) return { id, kind, ...exact };
  const before = exactOf(previous);
  if (before?.digest === undefined) return undefined;
  return { id, kind, ...exact, previous: { ...before, digest: before.digest } };
}

function exactOf(
  fields: Fields,
): Pick<LockedPlugin, "version" | "source" | "digest"> | undefined {
  const [written, source, digest] = ["version", "source", "digest"].map((name) => fields.get(name));
  const version = written === undefined ? undefined : VERSION.exec(written)?.[2];
  if (source === undefined || !TEXT.test(source)) return undefined;
  if (version === undefined && written !== undefined) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  return {
    ...(version === undefined ? {} : { version }),
    source,
    ...(digest === undefined ? {} : { digest }),
  };
}
