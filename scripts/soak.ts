/**
 * Long tests, printed as tables; the end-to-end tests have short forms of them.
 *
 *     deno task soak kills [rounds]    kill -9 of one process among ten runs, 50 times
 *     deno task soak docker [rounds]   kill -9 of moat while docker:dind starts, at 10 moments
 *     deno task soak nested [rounds]   a moat inside docker:dind that builds over BUILDKIT_HOST
 *     deno task soak databases [rounds]   ten runs at once with a database each, once
 *     deno task soak routes [kills]    kill -9 of the daemon while 16 processes register 200 runs each
 *     deno task soak faults [kills]    kill -9 of the daemon under load 10 times; 500 changes of routes under
 *                                      load; 2,000 idle and 500 slow clients; 10,000 routes
 *     deno task soak bodies [GiB] [way]   5 GiB up and 5 GiB down through the router, and its memory:
 *                                      plain and tls-h1, or one of them
 *     deno task soak plugins [rounds]   a hostile plugin's attacks, one after another, 10 times
 *     deno task soak podman [rounds]   the contracts of runtimes on examples/plugins/podman, once
 *
 * Drives dist/moat when it is there, the source otherwise. Exits with 1 when something was wrong.
 *
 * @module
 */

import { resolve } from "node:path";
import { describeError } from "../core/errors.ts";
import { isThere } from "../core/store/files.ts";
import { playDatabases } from "../tests/helpers/database_runs.ts";
import { killDockerStart } from "../tests/helpers/docker_access.ts";
import { assertAttacksFail, HostilePlugin } from "../tests/helpers/hostile_plugin.ts";
import { formatRow, playRound } from "../tests/helpers/kill_scenario.ts";
import {
  makePodman,
  makePodmanCompanions,
  makePodmanSubject,
} from "../tests/helpers/podman_subject.ts";
import { COMPANION_CASES } from "../tests/contracts/companion_contract.ts";
import { type ContractCases, runCase } from "../tests/contracts/contract_suite.ts";
import { RUNTIME_CASES } from "../tests/contracts/runtime_contract.ts";
import { LARGE_BODY_WAYS, playLargeBodies } from "../tests/helpers/large_bodies.ts";
import { testEngines } from "../tests/helpers/machine.ts";
import { runMoatInside } from "../tests/helpers/nested_moat.ts";
import { playRouteStorm } from "../tests/helpers/route_storm.ts";
import {
  changeRoutesUnderLoad,
  dribbleHeads,
  type FaultStage,
  holdConnections,
  killDaemonUnderLoad,
  openFaultStage,
  serveManyRoutes,
} from "../tests/helpers/router_faults.ts";
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

/** The router in the daemon of the real program, with one local run behind it. */
async function soakFaults(kills: number): Promise<boolean> {
  await using stage = await openFaultStage();
  const rows: readonly (() => Promise<FaultRow>)[] = [
    () => holdSilent(stage, "nothing", ""),
    () => holdSilent(stage, "half a head", "GET / HTTP/1.1\r\n"),
    () => killUnderLoad(stage, kills),
    () => changeUnderLoad(stage),
    () => dribble(stage),
    () => tenThousandRoutes(),
  ];
  let wrong = 0;
  for (const row of rows) {
    const { text, isRight } = await row();
    console.log(`${text}  ${isRight ? "ok" : "WRONG"}`);
    if (!isRight) wrong++;
  }
  return wrong === 0;
}

interface FaultRow {
  readonly text: string;
  readonly isRight: boolean;
}

async function holdSilent(stage: FaultStage, what: string, send: string): Promise<FaultRow> {
  const outcome = await holdConnections(stage, { count: 2000, send });
  const { beforeMib, afterMib, answerMs, closed } = outcome;
  const memory = `from ${beforeMib.toFixed(0)} to ${afterMib.toFixed(0)} MiB`;
  return {
    text: `2,000 clients that send ${what}: ${memory}, others answered in ${
      answerMs.toFixed(1)
    } ms`,
    isRight: closed === 0 && afterMib < 150,
  };
}

async function killUnderLoad(stage: FaultStage, kills: number): Promise<FaultRow> {
  const times = (await killDaemonUnderLoad(stage, kills)).toSorted((a, b) => a - b);
  const [median = NaN, most = NaN] = [times[kills >> 1], times.at(-1)];
  return {
    text: `${kills} times kill -9 under load: an answer after ${median.toFixed(0)} ms (median), ${
      most.toFixed(0)
    } ms (most)`,
    isRight: most < 1000,
  };
}

async function changeUnderLoad(stage: FaultStage): Promise<FaultRow> {
  const { changes, answers, failures } = await changeRoutesUnderLoad(stage, { runs: 250 });
  const failed = [...failures].map(([what, count]) => `${count} × ${what}`).join("; ");
  return {
    text: `${changes} changes of routes, ${answers} requests meanwhile: ${failed || "none failed"}`,
    isRight: failures.size === 0,
  };
}

async function dribble(stage: FaultStage): Promise<FaultRow> {
  const { statuses, slowestMs, otherMs } = await dribbleHeads(stage, { count: 500 });
  const answers = [...statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
  return {
    text: `500 clients with slow heads: ${answers} within ${(slowestMs / 1000).toFixed(1)} s, ` +
      `others answered in ${otherMs.toFixed(0)} ms at most`,
    isRight: statuses.get(408) === 500,
  };
}

async function tenThousandRoutes(): Promise<FaultRow> {
  const { memoryMib, firstMs, lastMs } = await serveManyRoutes(10_000);
  return {
    text: `10,000 routes: ${memoryMib.toFixed(0)} MiB, the first answered in ${
      firstMs.toFixed(2)
    } ms, the last in ${lastMs.toFixed(2)} ms`,
    isRight: memoryMib < 150,
  };
}

/** Each way in turn, unless one is asked for. */
async function soakBodies(gib: number, way: string | undefined): Promise<boolean> {
  let isRight = true;
  for (const each of LARGE_BODY_WAYS.filter((one) => way === undefined || one === way)) {
    const { seconds, peakMib, problems } = await playLargeBodies(gib * 1024, each);
    const verdict = problems.length === 0 ? "ok" : `WRONG: ${problems.join("; ")}`;
    const times = `${seconds.toFixed(0)} s, peak ${peakMib.toFixed(0)} MiB`;
    console.log(`${each}: ${gib} GiB up, ${gib} GiB down: ${times}  ${verdict}`);
    isRight &&= problems.length === 0 && peakMib < 150;
  }
  return isRight;
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

/** Every case of the contracts of runtimes and companions, on the example's executable. */
async function soakPodman(rounds: number): Promise<boolean> {
  await using engine = await makePodman();
  // The protocol has no snapshots.
  const { "a snapshot brings a directory back, and nothing secret": _, ...beside } =
    COMPANION_CASES;
  const suites = [
    casesOf(RUNTIME_CASES, () => makePodmanSubject(engine)),
    casesOf(beside, () => makePodmanCompanions(engine)),
  ];
  let wrong = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const { title, run } of suites.flat()) {
      const since = performance.now();
      let verdict = "ok";
      try {
        await run();
      } catch (error) {
        wrong++;
        verdict = `WRONG: ${describeError(error)}`;
      }
      const seconds = ((performance.now() - since) / 1000).toFixed(1).padStart(5);
      console.log(`${seconds} s  ${title}  ${verdict}`);
    }
  }
  console.log(`${suites.flat().length * rounds - wrong} cases ok, ${wrong} wrong`);
  return wrong === 0;
}

function casesOf<S extends AsyncDisposable>(
  cases: ContractCases<S>,
  make: () => Promise<S>,
): readonly { readonly title: string; run(): Promise<void> }[] {
  return Object.entries(cases).map(([title, check]) => ({
    title,
    run: () => runCase(check, { make, deadlineMs: 90_000 }),
  }));
}

interface Soak {
  readonly rounds: number;
  /** `way`: what is asked for behind the number. */
  run(rounds: number, way?: string): Promise<boolean>;
}

const SOAKS: Readonly<Record<string, Soak>> = {
  kills: { rounds: 50, run: soakKills },
  docker: { rounds: 10, run: soakDocker },
  nested: { rounds: 1, run: soakNested },
  databases: { rounds: 1, run: soakDatabases },
  plugins: { rounds: 10, run: soakPlugins },
  podman: { rounds: 1, run: soakPodman },
  routes: { rounds: 20, run: soakRoutes },
  faults: { rounds: 10, run: soakFaults },
  bodies: { rounds: 5, run: soakBodies },
};

async function main([name = "kills", count, way]: readonly string[]): Promise<number> {
  const soak = SOAKS[name];
  const rounds = Number(count ?? soak?.rounds);
  if (soak === undefined || !(rounds > 0)) {
    console.error(`Usage: deno task soak ${Object.keys(SOAKS).join("|")} [rounds]`);
    return 2;
  }
  const binary = resolve("dist/moat");
  if (Deno.env.get("MOAT_TEST_BINARY") === undefined && await isThere(binary)) {
    Deno.env.set("MOAT_TEST_BINARY", binary);
  }
  return await soak.run(rounds, way) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
