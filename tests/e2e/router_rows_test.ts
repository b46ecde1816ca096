/**
 * The corpus, the bodies and the faults over every way in to the router of the real program: plain,
 * TLS with HTTP/1.1 and HTTP/2, and from inside a run. A row that was left out fails the last test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Need, requires, testEngines } from "../helpers/machine.ts";
import { playCases } from "../helpers/rows/play_cases.ts";
import { casesOf, SUITES, type Way } from "../helpers/rows/rows.ts";
import { Stage } from "../helpers/rows/stage.ts";

/** A run, and who plays its rows. */
interface Scene {
  readonly run: string;
  readonly needs: readonly Need[];
  readonly env: Readonly<Record<string, string>>;
  readonly ways: readonly Way[];
}

const SCENES: readonly Scene[] = [
  {
    run: "local",
    needs: ["linux"],
    env: { MOAT_RUNTIME: "local" },
    ways: ["plain", "tls-h1", "tls-h2"],
  },
];

/** Cases that each suite has at least. */
const LEAST = { corpus: 200, bodies: 20, faults: 10 } as const;

/** How many cases were played, by row. */
const played = new Map<string, number>();

function rowName({ run }: Scene, way: Way, suite: string): string {
  return `${way}, ${run}: ${suite}`;
}

for (const scene of SCENES) {
  Deno.test({
    name: `the router's rows of a run on ${scene.run}`,
    ...requires(...scene.needs),
    fn: async (t) => {
      const [engine] = testEngines();
      const target = engine === undefined ? {} : { DOCKER_HOST: engine };
      await using stage = await Stage.open({ ...target, ...scene.env });
      const seed = Date.now() & 0xffff_ffff;
      for (const way of scene.ways) {
        for (const suite of SUITES) {
          await t.step(rowName(scene, way, suite), async () => {
            const count = await playCases(stage.lanes, casesOf(stage, { way, suite, seed }));
            played.set(rowName(scene, way, suite), count);
          });
        }
      }
    },
  });
}

Deno.test("every row that this machine can play was played", () => {
  const ways = new Set<Way>();
  for (const scene of SCENES.filter(({ needs }) => !requires(...needs).ignore)) {
    for (const way of scene.ways) {
      ways.add(way);
      for (const suite of SUITES) {
        const count = played.get(rowName(scene, way, suite)) ?? 0;
        assert(count >= LEAST[suite], `${rowName(scene, way, suite)}: ${count} cases`);
      }
    }
  }
});
