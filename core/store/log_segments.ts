/**
 * The files of a run's log: `logs/000001.jsonl`, `000002.jsonl`, … The oldest go first.
 *
 * @module
 */

/** One file of a log. */
export interface Segment {
  readonly number: number;
  readonly name: string;
}

const NAME = /^(\d{6,})\.jsonl$/;

/** The segments in order; none when there is no log. */
export function listSegments(directory: string): readonly Segment[] {
  const segments: Segment[] = [];
  try {
    for (const { name } of Deno.readDirSync(directory)) {
      const number = NAME.exec(name)?.[1];
      if (number !== undefined) segments.push({ number: Number(number), name });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return segments.toSorted((a, b) => a.number - b.number);
}

/** The file's name of a segment. */
export function segmentName(number: number): string {
  return `${String(number).padStart(6, "0")}.jsonl`;
}
