/**
 * Names that are moat's own, which no plugin from elsewhere can have. Pure.
 *
 * @module
 */

import type { Plugin } from "./contract.ts";
import type { Registry } from "./registry.ts";

/** Options of {@linkcode isOwnName}. */
export interface OwnNameOptions {
  /** @default "dependency" */
  readonly kind?: Plugin["kind"];
  readonly registry: Registry<Plugin>;
}

/** Says whether the name is taken, also by what takes something behind a colon, such as `pip:`. */
export function isOwnName(
  name: string,
  { kind = "dependency", registry }: OwnNameOptions,
): boolean {
  return registry.find(kind, name) !== undefined || registry.find(kind, `${name}:`) !== undefined;
}
