/**
 * Long tests, printed as tables; the end-to-end tests have short forms of them.
 *
 *     deno task soak kills [rounds]    kill -9 of one process among ten runs, 50 times
 *
 * Drives dist/moat when it is there, the source otherwise. Exits with 1 when something was wrong.
 *
 * @module
 */

import { formatRow, playRound } from "../tests/helpers/kill_scenario.ts";
import { runtimesUnderTest } from "../tests/helpers/runtimes_under_test.ts";

async function soakKills(rounds: number): Promise<boolean> {
  const runtimes = runtimesUnderTest().slice(0, 2);
  console.log(`${rounds} rounds on ${runtimes.map(({ label }) => label).join(" and ")}`);
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    const row = await playRound(round, { runtimes, random: Math.random });
    console.log(formatRow(row));
    if (row.problems.length > 0) wrong++;
  }
  console.log(`${rounds - wrong} of ${rounds} rounds ok`);
  return wrong === 0;
}

async function main([name = "kills", count = "50"]: readonly string[]): Promise<number> {
  if (name !== "kills" || !(Number(count) > 0)) {
    console.error("Usage: deno task soak kills [rounds]");
    return 2;
  }
  return await soakKills(Number(count)) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
