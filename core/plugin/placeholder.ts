/**
 * Placeholders such as `{version}` in the values of a manifest.
 *
 * `{{` is a plain brace. What is filled in has passed the grammar of entries, and ends up in exact
 * words, variables and addresses, never in the text of a script.
 *
 * @module
 */

import { nearest } from "../nearest.ts";

/** The placeholders that there are. */
export const PLACEHOLDERS = [
  "id",
  "version",
  "requested",
  "integrity",
  "arch",
  "vendor_arch",
  "suite",
] as const;

/** One of {@linkcode PLACEHOLDERS}. */
export type Placeholder = typeof PLACEHOLDERS[number];

/** A value for each placeholder; a getter may throw when it does not apply. */
export type PlaceholderValues = Readonly<Record<Placeholder, string>>;

const MARK = /\{\{|\{([^{}]*)\}|[{]/g;

/** Names that only some texts know, such as `{password}`; `undefined` for any other. */
export type MorePlaceholders = (name: string) => string | undefined;

/** Fills in. @throws TypeError on an unknown placeholder, which `placeholderError` finds before */
export function fill(text: string, values: PlaceholderValues, more?: MorePlaceholders): string {
  return text.replaceAll(MARK, (mark, name: string | undefined) => {
    if (mark === "{{") return "{";
    const value = name === undefined || isPlaceholder(name) ? undefined : more?.(name);
    if (value !== undefined) return value;
    if (name === undefined || !isPlaceholder(name)) {
      throw new TypeError(`Unknown placeholder ${mark} in "${text}"`);
    }
    return values[name];
  });
}

/** The placeholders in a text that can be filled. */
export function placeholdersOf(text: string): readonly Placeholder[] {
  return [...text.matchAll(MARK)].map(([, name]) => name ?? "").filter(isPlaceholder);
}

/** Why a text cannot be filled, or `undefined`; `isKnown` tells which further names it may hold. */
export function placeholderError(
  text: string,
  isKnown: (name: string) => boolean = () => false,
): string | undefined {
  for (const [mark, name] of text.matchAll(MARK)) {
    if (mark === "{{" || (name !== undefined && (isPlaceholder(name) || isKnown(name)))) continue;
    const guess = nearest(name ?? "", PLACEHOLDERS);
    const known = PLACEHOLDERS.map((one) => `{${one}}`).join(", ");
    return name === undefined
      ? `a single { is no placeholder; write {{ for a plain one`
      : `${mark} is no placeholder; ${
        guess === undefined ? `known are ${known}` : `did you mean {${guess}}?`
      }`;
  }
  return undefined;
}

function isPlaceholder(name: string): name is Placeholder {
  return PLACEHOLDERS.some((placeholder) => placeholder === name);
}
