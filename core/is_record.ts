/**
 * What was read from outside: does it have fields?
 *
 * @module
 */

/** Says whether a value is an object with fields, and no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
