/**
 * Plays many cases at once, one at a time on each lane, and tells all that failed together.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describeError } from "../../../core/errors.ts";
import type { Lane } from "./lane.ts";

/** Something to play on a lane; throws when it comes out wrong. */
export interface Case {
  readonly name: string;
  play(lane: Lane): Promise<void>;
}

/** A case that hangs has failed. */
const LIMIT_MS = 30_000;

/** Resolves to how many there were. @throws AssertionError naming every case that failed */
export async function playCases(lanes: readonly Lane[], cases: readonly Case[]): Promise<number> {
  const failures: string[] = [];
  const waiting = [...cases];
  await Promise.all(lanes.map(async (lane) => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      try {
        lane.begin();
        await within(next.play(lane), LIMIT_MS);
        lane.end();
      } catch (error) {
        failures.push(`${next.name}: ${describeError(error)}`);
      }
    }
  }));
  assert.equal(
    failures.length,
    0,
    `${failures.length} of ${cases.length}:\n${failures.join("\n")}`,
  );
  return cases.length;
}

async function within(work: Promise<void>, limitMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`It took more than ${limitMs} ms`)), limitMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
