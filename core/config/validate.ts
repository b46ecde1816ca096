/**
 * Checks a parsed file against a schema and turns what is wrong into an error with its place.
 *
 * The first problem in the file's order is reported. Empty values of known keys count as absent,
 * as in `dependencies:` with all its entries commented out.
 *
 * @module
 */

import * as v from "valibot";
import { ConfigError, type FilePosition } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { quote, type YamlFile, type YamlPath } from "./read_yaml.ts";

/** Something wrong at a place. */
interface Problem {
  readonly position: FilePosition;
  readonly message: string;
  readonly hint: string;
}

type Issue = v.BaseIssue<unknown>;

/** The file's value as the schema types it. @throws ConfigError for the first thing that is wrong */
export function validate<const S extends v.GenericSchema>(
  schema: S,
  yaml: YamlFile,
): v.InferOutput<S> {
  const result = v.safeParse(schema, prepare(schema, yaml.value));
  if (result.success) return result.output;
  const [first] = result.issues
    .map((issue) => describeIssue(deepest(issue), { schema, yaml }))
    .toSorted((a, b) => comparePositions(a.position, b.position));
  if (first === undefined) throw new TypeError("A failed validation has no issue");
  throw new ConfigError(first.position, first.message, { hint: first.hint });
}

/** `a.b[2].c`. */
export function formatPath(path: YamlPath): string {
  return path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`
  ).join("");
}

/** Sorts by place in the file. */
export function comparePositions(a: FilePosition, b: FilePosition): number {
  return a.line - b.line || a.column - b.column;
}

/**
 * The value without known keys that have no value, and with `null` in place of a list where a map
 * belongs: to valibot a list is a map, too.
 */
function prepare(schema: v.GenericSchema, value: unknown): unknown {
  const entries = entriesOf(schema);
  const recordValue = recordValueOf(schema);
  if (Array.isArray(value)) {
    const item = itemOf(schema);
    if (item !== undefined) return value.map((element) => prepare(item, element));
    return entries === undefined && recordValue === undefined ? value : null;
  }
  if (typeof value !== "object" || value === null) return value;
  if (entries === undefined && recordValue === undefined) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => item !== null || entries?.[key] === undefined)
      .map(([key, item]) => {
        const inner = entries?.[key] ?? recordValue;
        return [key, inner === undefined ? item : prepare(inner, item)];
      }),
  );
}

/** An issue with its whole path. */
interface PlacedIssue {
  readonly issue: Issue;
  readonly path: readonly v.IssuePathItem[];
}

/** The issue of the union's branch that was meant: one whose outer type fits. */
function deepest(issue: Issue): PlacedIssue {
  const path = issue.path ?? [];
  const meant = issue.type !== "union"
    ? undefined
    : issue.issues?.find((inner) => inner.kind === "validation" || inner.path !== undefined);
  if (meant === undefined) return { issue, path };
  const inner = deepest(meant);
  return { issue: inner.issue, path: [...path, ...inner.path] };
}

/** The whole file has no path. */
function nameOf(path: YamlPath): string {
  return path.length === 0 ? "the file" : `"${formatPath(path)}"`;
}

function describeIssue(
  { issue, path: items }: PlacedIssue,
  { schema, yaml }: { readonly schema: v.GenericSchema; readonly yaml: YamlFile },
): Problem {
  const path = items.map(({ key }) => typeof key === "number" ? key : String(key));
  const isAboutKey = items.at(-1)?.origin === "key";
  if (issue.kind === "schema" && issue.expected === "never") {
    return unknownKey(path, { schema, yaml });
  }
  if (isAboutKey && issue.type === "strict_object") {
    const parent = path.slice(0, -1);
    return {
      position: yaml.positionOf(parent),
      message: `Cannot read ${nameOf(parent)}: its "${path.at(-1)}" is missing`,
      hint: `Add ${path.at(-1)}: to it`,
    };
  }
  const [state = "", hint = ""] = issue.message.split("\n");
  if (isAboutKey) {
    return {
      position: yaml.positionOfKey(path),
      message: `Cannot read ${nameOf(path.slice(0, -1))}: ${quote(String(path.at(-1)))} ${state}`,
      hint,
    };
  }
  const shown = yaml.show(path);
  return {
    position: yaml.positionOf(path),
    message: `Cannot read "${formatPath(path)}": ${
      shown === "nothing" ? "it has no value" : `${shown} ${state}`
    }`,
    hint: guess(issue, shown) ?? (hint === "" ? writeText(shown) : hint),
  };
}

function unknownKey(
  path: YamlPath,
  { schema, yaml }: { readonly schema: v.GenericSchema; readonly yaml: YamlFile },
): Problem {
  const key = String(path.at(-1));
  const known = Object.keys(entriesOf(schemaAt(schema, path.slice(0, -1))) ?? {});
  const near = nearest(key, known);
  return {
    position: yaml.positionOfKey(path),
    message: `Cannot read ${quote(formatPath(path))}: there is no such key`,
    hint: near === undefined ? `Known: ${known.join(", ")}` : `Did you mean "${near}"?`,
  };
}

/** How to write a text in place of what is there. */
function writeText(shown: string): string {
  return shown.startsWith('"')
    ? `Put it into quotes: ${shown}`
    : "Write one text there; several lines go behind |";
}

/** The nearest choice, where a list of choices was expected. */
function guess(issue: Issue, shown: string): string | undefined {
  if (issue.type !== "picklist" || issue.expected === null) return undefined;
  const choices = [...issue.expected.matchAll(/"([^"]*)"/g)].flatMap(([, choice]) => choice ?? []);
  const near = nearest(shown.slice(1, -1), choices);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

/** The schema of the value at the path; of a union, its map. */
function schemaAt(schema: v.GenericSchema, path: YamlPath): v.GenericSchema {
  let current = schema;
  for (const step of path) {
    const next = entriesOf(current)?.[String(step)] ?? recordValueOf(current) ?? itemOf(current);
    if (next === undefined) return current;
    current = next;
  }
  return current;
}

function entriesOf(
  schema: v.GenericSchema,
): Readonly<Record<string, v.GenericSchema>> | undefined {
  for (const option of unwrap(schema)) {
    if (isObjectSchema(option)) return option.entries;
  }
  return undefined;
}

function recordValueOf(schema: v.GenericSchema): v.GenericSchema | undefined {
  for (const option of unwrap(schema)) {
    if ("value" in option && isSchema(option.value)) return option.value;
  }
  return undefined;
}

function itemOf(schema: v.GenericSchema): v.GenericSchema | undefined {
  for (const option of unwrap(schema)) {
    if ("item" in option && isSchema(option.item)) return option.item;
  }
  return undefined;
}

/** The schema without `optional`, and the options of a union. */
function unwrap(schema: v.GenericSchema): readonly v.GenericSchema[] {
  if ("wrapped" in schema && isSchema(schema.wrapped)) return unwrap(schema.wrapped);
  if ("options" in schema && Array.isArray(schema.options)) {
    const options = schema.options.filter(isSchema);
    if (options.length > 0) return options.flatMap(unwrap);
  }
  return [schema];
}

function isSchema(value: unknown): value is v.GenericSchema {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "schema";
}

function isObjectSchema(
  schema: v.GenericSchema,
): schema is v.GenericSchema & { readonly entries: Readonly<Record<string, v.GenericSchema>> } {
  return "entries" in schema && typeof schema.entries === "object" && schema.entries !== null;
}
