/**
 * Names of plugins that are easily taken for another's. Pure.
 *
 * @module
 */

import { nearest } from "../nearest.ts";

/** Spellings that look the same, or are told apart by nobody. */
const SAME = { "-": "", "0": "o", "1": "l", rn: "m", vv: "w" };

/** The known name that this one may be taken for, or `undefined`. A name is not its own look-alike. */
export function lookAlike(id: string, known: readonly string[]): string | undefined {
  const others = known.filter((name) => name !== id);
  return others.find((name) => fold(name) === fold(id)) ??
    // Of three letters, any other is one away.
    (id.length < 4 ? undefined : nearest(id, others, { within: 1 }));
}

function fold(id: string): string {
  return Object.entries(SAME).reduce((name, [from, to]) => name.replaceAll(from, to), id);
}
