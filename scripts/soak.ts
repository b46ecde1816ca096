/**
 * Long tests, printed as tables; the end-to-end tests have short forms of them.
 *
 *     deno task soak kills [rounds]    kill -9 of one process among ten runs, 50 times
 *     deno task soak docker [rounds]   kill -9 of moat while docker:dind starts, at 10 moments
 *     deno task soak nested [rounds]   a moat inside docker:dind that builds over BUILDKIT_HOST
 *     deno task soak databases [rounds]   ten runs at once with a database each, once
 *     deno task soak routes [kills]    kill -9 of the daemon while 16 processes register 200 runs each
 *     deno task soak bodies [GiB]      5 GiB up and 5 GiB down through the router, and its memory
 *     deno task soak plugins [rounds]   a hostile plugin's attacks, one after another, 10 times
 *
 * Drives dist/moat when it is there, the source otherwise. Exits with 1 when something was wrong.
 *
 * @module
 */

import { describeError } from "../core/errors.ts";
import { playDatabases } from "../tests/helpers/database_runs.ts";
import { killDockerStart } from "../tests/helpers/docker_access.ts";
import { assertAttacksFail, HostilePlugin } from "../tests/helpers/hostile_plugin.ts";
import { formatRow, playRound } from "../tests/helpers/kill_scenario.ts";
import { playLargeBodies } from "../tests/helpers/large_bodies.ts";
import { testEngines } from "../tests/helpers/machine.ts";
import { runMoatInside } from "../tests/helpers/nested_moat.ts";
import { playRouteStorm } from "../tests/helpers/route_storm.ts";
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

/** Moments are spread evenly over the start, which takes two to three seconds. */
async function soakDocker(rounds: number): Promise<boolean> {
  const target = testEngines()[0];
  if (target === undefined) throw new Error("No engine answers");
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    const row = await killDockerStart(target, Math.round(round * 3000 / rounds));
    const verdict = row.left.length === 0 ? "ok" : `WRONG: ${row.left.join(", ")}`;
    console.log(`${String(row.momentMs).padStart(5)} ms  ${row.found} objects  ${verdict}`);
    if (row.left.length > 0) wrong++;
  }
  console.log(`${rounds - wrong} of ${rounds} moments ok`);
  return wrong === 0;
}

/** Ten at once, each on data of its own. */
async function soakDatabases(rounds: number): Promise<boolean> {
  const target = testEngines()[0];
  if (target === undefined) throw new Error("No engine answers");
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    const { ms, problems } = await playDatabases(target, 10);
    const verdict = problems.length === 0 ? "ok" : `WRONG: ${problems.join("; ")}`;
    console.log(`${String(round).padStart(3)}  ${(ms / 1000).toFixed(1)} s  ${verdict}`);
    if (problems.length > 0) wrong++;
  }
  console.log(`${rounds - wrong} of ${rounds} rounds ok`);
  return wrong === 0;
}

async function soakNested(rounds: number): Promise<boolean> {
  const target = testEngines()[0];
  if (target === undefined) throw new Error("No engine answers");
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    const { code, stdout, stderr } = await runMoatInside(target);
    const isRight = code === 0 && /^made inside\nTotal:\s+[1-9]/.test(stdout);
    console.log(isRight ? stdout.trim().replace("\n", "; ") : `WRONG: ${code} ${stdout}${stderr}`);
    if (!isRight) wrong++;
  }
  return wrong === 0;
}

async function soakRoutes(kills: number): Promise<boolean> {
  const since = performance.now();
  const outcome = await playRouteStorm({ processes: 16, runs: 200, kills, random: Math.random });
  const { live, lost, stale } = outcome;
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  console.log(
    `3200 registrations, ${outcome.kills} kills, ${live} live at the end, ${seconds} s: ` +
      `${lost.length} lost, ${stale.length} stale`,
  );
  return lost.length === 0 && stale.length === 0 && live === 1600;
}

async function soakBodies(gib: number): Promise<boolean> {
  const { seconds, peakMib, problems } = await playLargeBodies(gib * 1024);
  const verdict = problems.length === 0 ? "ok" : `WRONG: ${problems.join("; ")}`;
  console.log(
    `${gib} GiB up, ${gib} GiB down: ${seconds.toFixed(0)} s, peak ${
      peakMib.toFixed(0)
    } MiB  ${verdict}`,
  );
  return problems.length === 0 && peakMib < 150;
}

/** One installation, all attacks again and again. */
async function soakPlugins(rounds: number): Promise<boolean> {
  await using hostile = await HostilePlugin.install();
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    try {
      await assertAttacksFail(hostile);
      console.log(`${String(round).padStart(3)}  ok`);
    } catch (error) {
      wrong++;
      console.log(`${String(round).padStart(3)}  WRONG: ${describeError(error)}`);
    }
  }
  console.log(`${rounds - wrong} of ${rounds} rounds ok`);
  return wrong === 0;
}

interface Soak {
  readonly rounds: number;
  run(rounds: number): Promise<boolean>;
}

const SOAKS: Readonly<Record<string, Soak>> = {
  kills: { rounds: 50, run: soakKills },
  docker: { rounds: 10, run: soakDocker },
  nested: { rounds: 1, run: soakNested },
  databases: { rounds: 1, run: soakDatabases },
  plugins: { rounds: 10, run: soakPlugins },
  routes: { rounds: 20, run: soakRoutes },
  bodies: { rounds: 5, run: soakBodies },
};

async function main([name = "kills", count]: readonly string[]): Promise<number> {
  const soak = SOAKS[name];
  const rounds = Number(count ?? soak?.rounds);
  if (soak === undefined || !(rounds > 0)) {
    console.error(`Usage: deno task soak ${Object.keys(SOAKS).join("|")} [rounds]`);
    return 2;
  }
  return await soak.run(rounds) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
