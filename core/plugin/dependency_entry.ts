/**
 * The grammar of an entry of `dependencies:`: `name`, `name@version`, `docker:mode`, `npm:pkg@1`.
 *
 * Splits and checks characters; knows no dependency by name, see `resolve_dependencies.ts`. What
 * passes here later becomes words of commands, so every character set is closed.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { PackageGrammar } from "./contract.ts";
import { PACKAGE_GRAMMARS } from "./package_grammar.ts";

/** An entry split at its marks; nothing is looked up yet. */
export interface EntryParts {
  readonly name: string;
  /** Behind the colon, with a version that its ecosystem will split off. */
  readonly rest?: string;
  /** Behind `@`, of an entry without a colon. */
  readonly requested?: string;
}

/** A package and its version as written. */
export interface PackageParts {
  readonly argument: string;
  readonly requested?: string;
}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const VERSION = /^v?[0-9][0-9A-Za-z]*(?:[-+.][0-9A-Za-z]+)*$|^[a-z]+$/;
const MAX_LENGTH = 300;

/** Splits an entry. @throws UsageError when a character cannot be part of one */
export function parseEntry(text: string): EntryParts {
  checkCharacters(text);
  const colon = text.indexOf(":");
  if (colon >= 0) {
    const name = text.slice(0, colon);
    checkName(name, text);
    return { name, rest: text.slice(colon + 1) };
  }
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  checkName(name, text);
  if (at < 0) return { name };
  const requested = text.slice(at + 1);
  if (!VERSION.test(requested)) {
    throw refuse(
      text,
      `"${printable(requested)}" is not a version`,
      `Write ${name}@1.2, or ${name}`,
    );
  }
  return { name, requested };
}

/** Splits what stands behind the colon into a package and a version. @throws UsageError */
export function parsePackage(text: string, rest: string, grammar: PackageGrammar): PackageParts {
  const { name, version, example, normalize } = PACKAGE_GRAMMARS[grammar];
  const family = text.slice(0, text.indexOf(":"));
  const at = rest.indexOf("@", 1);
  const written = at < 0 ? rest : rest.slice(0, at);
  const hint = `Write it like ${family}:${example}`;
  if (written === "") throw refuse(text, "it names no package", hint);
  if (!name.test(written) || written.includes("..")) {
    throw refuse(text, `"${printable(written)}" is not a package name`, hint);
  }
  const argument = normalize(written);
  if (at < 0) return { argument };
  const requested = rest.slice(at + 1);
  if (!version.test(requested) || requested.includes("..")) {
    throw refuse(text, `"${printable(requested)}" is not a version`, hint);
  }
  return { argument, requested };
}

/** The error for an entry that cannot be used; the entry is made printable. */
export function refuse(text: string, state: string, hint?: string): UsageError {
  return new UsageError(
    `Cannot use dependency "${printable(text)}": ${state}`,
    hint === undefined ? {} : { hint },
  );
}

function checkCharacters(text: string): void {
  if (text === "") throw refuse(text, "it is empty", "Write a name, such as node@22");
  if (text.length > MAX_LENGTH) throw refuse(text, `it is longer than ${MAX_LENGTH} characters`);
  const bad = /[^!-~]/u.exec(text)?.[0];
  if (bad === undefined) return;
  throw refuse(text, `it contains ${describeCharacter(bad)}`, "Write a name, such as node@22");
}

function checkName(name: string, text: string): void {
  if (NAME.test(name)) return;
  throw refuse(
    text,
    name === "" ? "it names nothing" : `"${printable(name)}" is not a name`,
    "Write a name of a-z, 0-9 and -, such as node@22; `moat deps list` shows all",
  );
}

function describeCharacter(character: string): string {
  if (character === " ") return "a space";
  if (character === "\n") return "a line break";
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `the character U+${code}`;
}

/** Control characters and everything beyond ASCII as escapes, cut to a line's length. */
function printable(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return short.replaceAll(
    /[^ -~…]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
