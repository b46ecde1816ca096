/**
 * Finds what the user probably meant.
 *
 * @module
 */

/** Options of {@linkcode nearest}. */
export interface NearestOptions {
  /** What is further away is not near. @default a third of the text's length */
  readonly within?: number;
}

/** The candidate closest to the text by edit distance, or `undefined` when none is near. */
export function nearest(
  text: string,
  candidates: Iterable<string>,
  { within = Math.max(1, Math.floor(text.length / 3)) }: NearestOptions = {},
): string | undefined {
  const wanted = text.toLowerCase();
  let best: string | undefined;
  let bestDistance = within + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Optimal string alignment distance: insert, delete, replace, swap of neighbours cost 1. */
function editDistance(a: string, b: string): number {
  let twoAgo: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + cost,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        value = Math.min(value, (twoAgo[j - 2] ?? 0) + 1);
      }
      current.push(value);
    }
    twoAgo = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
