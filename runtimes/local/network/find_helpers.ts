/**
 * Looks for the programs that give a namespace a full network.
 *
 * @module
 */

import { findProgram } from "../find_program.ts";

/** In order of preference: pasta is faster and needs no address translation of its own. */
const HELPERS = ["pasta", "slirp4netns"] as const;

/** A helper on PATH. */
export interface FoundHelper {
  readonly kind: typeof HELPERS[number];
  readonly path: string;
}

/** The helpers on PATH, best first. */
export function findHelpers(env: Readonly<Record<string, string>>): readonly FoundHelper[] {
  return HELPERS.flatMap((kind) => {
    const path = findProgram(kind, env);
    return path === undefined ? [] : [{ kind, path }];
  });
}
