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
    ways: ["plain", "tls-h1", "tls-h2", "inside"],
  },
  {
    run: "runc",
    needs: ["docker"],
    env: { MOAT_RUNTIME: "docker", MOAT_NO_SANDBOX: "1" },
    ways: ["inside"],
  },
  {
    run: "runsc",
    needs: ["gvisor"],
    env: { MOAT_RUNTIME: "docker" },
    ways: ["inside"],
  },
];

/** What there has to be, whatever is changed above. */
const ROWS = [
  "plain, local",
  "tls-h1, local",
  "tls-h2, local",
  "inside, local",
  "inside, runc",
  "inside, runsc",
];

/** Cases that each suite has at least. */
const LEAST = { corpus: 200, bodies: 20, faults: 10 } as const;

/** How many cases were played, by row and suite. */
const played = new Map<string, number>();

const scenes = SCENES.map((scene) => ({ ...scene, ...requires(...scene.needs) }));

function rowName({ run }: Scene, way: Way): string {
  return `${way}, ${run}`;
}

for (const scene of scenes) {
  Deno.test({
    name: `the router's rows of a run on ${scene.run}`,
    ignore: scene.ignore,
    fn: async (t) => {
      const [engine] = testEngines();
      const target = engine === undefined ? {} : { DOCKER_HOST: engine };
      await using stage = await Stage.open({ ...target, ...scene.env });
      const seed = Date.now() % 2 ** 31;
      for (const way of scene.ways) {
        for (const suite of SUITES) {
          const name = `${rowName(scene, way)}: ${suite}`;
          await t.step(name, async () => {
            const cases = casesOf(stage, { way, suite, seed });
            played.set(name, await playCases(stage.lanes, cases));
          });
        }
      }
    },
  });
}

Deno.test("no row is left out that this machine can play", () => {
  const rows = scenes.flatMap((scene) => scene.ways.map((way) => rowName(scene, way)));
  assert.deepEqual(rows, ROWS);
  for (const scene of scenes.filter(({ ignore }) => !ignore)) {
    for (const way of scene.ways) {
      for (const suite of SUITES) {
        const name = `${rowName(scene, way)}: ${suite}`;
        assert((played.get(name) ?? 0) >= LEAST[suite], `${name}: ${played.get(name)} cases`);
      }
    }
  }
});
