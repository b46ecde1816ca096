/**
 * Which entries of a context the engine asked for: its include, exclude and follow patterns.
 *
 * Patterns are those of .dockerignore: `*`, `?`, `[a-z]`, `**`, `\` and a leading `!`. One that
 * matches a directory matches what is in it; the last that matches decides.
 *
 * @module
 */

import type { TreeEntry } from "./context_tree.ts";

/** What a request of the engine is limited to; empty lists do not limit. */
export interface PathFilter {
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  /** Paths that a step uses; like includes, as an in-memory context has no links. */
  readonly follows: readonly string[];
}

interface Pattern {
  readonly expression: RegExp;
  readonly negated: boolean;
}

/** The wanted entries, with the directories that lead to them, in the same order. */
export function filterTree(
  tree: readonly TreeEntry[],
  { includes, excludes, follows }: PathFilter,
): readonly TreeEntry[] {
  const wanted = [...includes, ...usedPaths(follows)].map(parsePattern);
  const unwanted = excludes.map(parsePattern);
  const kept = new Set<string>();
  for (const { path } of tree) {
    if (wanted.length > 0 && !matches(path, wanted)) continue;
    if (matches(path, unwanted)) continue;
    for (const prefix of prefixesOf(path)) kept.add(prefix);
  }
  return tree.filter(({ path }) => kept.has(path));
}

/** None when the whole context is used. */
function usedPaths(follows: readonly string[]): readonly string[] {
  const paths = follows.map(clean);
  return paths.includes("") ? [] : paths;
}

function matches(path: string, patterns: readonly Pattern[]): boolean {
  const prefixes = prefixesOf(path);
  let matched = false;
  for (const { expression, negated } of patterns) {
    if (prefixes.some((prefix) => expression.test(prefix))) matched = !negated;
  }
  return matched;
}

/** `a/b` gives `a` and `a/b`. */
function prefixesOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function parsePattern(text: string): Pattern {
  const negated = text.startsWith("!");
  return { expression: toExpression(clean(negated ? text.slice(1) : text)), negated };
}

function clean(path: string): string {
  return path.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

const TOKEN = /\*\*\/|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|./gsu;

function toExpression(pattern: string): RegExp {
  const source = pattern.replaceAll(TOKEN, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token.startsWith("[") && token.length > 1) return characterClass(token);
    return literal(token.startsWith("\\") && token.length > 1 ? token.slice(1) : token);
  });
  return new RegExp(`^${source}$`, "su");
}

function characterClass(token: string): string {
  const negated = token[1] === "^";
  const characters = token.slice(negated ? 2 : 1, -1).replaceAll(/[\\\]\[&^]/g, "\\$&");
  return `[${negated ? "^" : ""}${characters}]`;
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
