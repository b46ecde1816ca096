import assert from "node:assert/strict";
import { requires } from "../helpers/machine.ts";
import { formatRow, playRound } from "../helpers/kill_scenario.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";

// The short form of `deno task soak kills`.
Deno.test({
  name: "kill -9 of any one process leaves every other run untouched",
  ...requires("linux", "docker"),
  fn: async () => {
    const runtimes = runtimesUnderTest().slice(0, 2);
    for (let round = 1; round <= 2; round++) {
      const row = await playRound(round, { runtimes, random: Math.random });
      assert.deepEqual(row.problems, [], formatRow(row));
    }
  },
});
