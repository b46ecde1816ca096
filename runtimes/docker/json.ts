/**
 * Reads values out of an engine's JSON answers: what is missing or of another type is `undefined`.
 *
 * @module
 */

import { isRecord } from "../../core/is_record.ts";

/** Parses text that should be JSON; `undefined` when it is not. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The value below the keys. */
export function valueAt(value: unknown, ...keys: readonly string[]): unknown {
  let current = value;
  for (const key of keys) {
    if (!isRecord(current)) return undefined;
    current = Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current;
}

/** The string below the keys. */
export function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = valueAt(value, ...keys);
  return typeof found === "string" ? found : undefined;
}

/** The number below the keys. */
export function numberAt(value: unknown, ...keys: readonly string[]): number | undefined {
  const found = valueAt(value, ...keys);
  return typeof found === "number" ? found : undefined;
}

/** The list below the keys; empty when there is none. */
export function listAt(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...keys);
  return Array.isArray(found) ? found : [];
}

/** Keys and values of the object below the keys; empty when there is none. */
export function entriesAt(
  value: unknown,
  ...keys: readonly string[]
): readonly (readonly [string, unknown])[] {
  const found = valueAt(value, ...keys);
  return isRecord(found) ? Object.entries(found) : [];
}

/** The object below the keys with those of its values that are strings. */
export function textsAt(value: unknown, ...keys: readonly string[]): Record<string, string> {
  const texts = entriesAt(value, ...keys).flatMap(([key, text]) =>
    typeof text === "string" ? [[key, text] as const] : []
  );
  return Object.fromEntries(texts);
}
