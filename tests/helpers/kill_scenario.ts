/**
 * Ten runs, attached and detached, on up to two runtimes and in two homes; one process is killed.
 *
 * Used by a short end-to-end test and, fifty times over, by `deno task soak`.
 *
 * @module
 */

import { TestHome } from "./moat.ts";
import { kill9, type Proc, processesOf } from "./processes.ts";
import type { RuntimeUnderTest } from "./runtimes_under_test.ts";
import { until } from "./until.ts";

/** What one round did and found. */
export interface KillRow {
  readonly round: number;
  /** Milliseconds after the first run was started. */
  readonly momentMs: number;
  readonly victim: string;
  /** Runs that ended otherwise than by their own exit code. */
  readonly affected: number;
  /** What was wrong; empty when all is well. */
  readonly problems: readonly string[];
}

interface StartedRun {
  readonly number: number;
  readonly name: string;
  readonly home: TestHome;
  readonly detached: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly child: Deno.ChildProcess;
  readonly output: Promise<string>;
  readonly messages: Promise<string>;
}

const RUNS = 10;

/** Plays one round; `random` gives numbers in [0, 1). */
export async function playRound(
  round: number,
  { runtimes, random, maxDelayMs = 4000 }: {
    readonly runtimes: readonly RuntimeUnderTest[];
    readonly random: () => number;
    readonly maxDelayMs?: number;
  },
): Promise<KillRow> {
  await using one = await TestHome.create();
  await using two = await TestHome.create();
  const homes = [one, two];
  const momentMs = Math.round(random() * maxDelayMs);
  const started = performance.now();
  const runs = Array.from({ length: RUNS }, (_, number) => {
    const home = homes[number % 2] ?? one;
    const runtime = runtimes[(number >> 1) % runtimes.length];
    return startRun(number, { home, env: runtime?.env ?? {}, detached: number >= RUNS / 2 });
  });
  await passUntil(started + momentMs);
  const victim = await killOne(homes, random);
  await settleStarts(runs);
  await Promise.all(homes.map((home) => home.write("go", "")));
  const problems: string[] = [];
  const results = await Promise.all(runs.map((run) => checkRun(run)));
  const affected = results.filter((problem) => problem !== undefined);
  const bystander = victim.kind === "daemon" || victim.kind === "none";
  if (affected.length > (bystander ? 0 : 1)) problems.push(...affected.map(String));
  for (const home of homes) problems.push(...await checkClean(home));
  return { round, momentMs, victim: victim.text, affected: affected.length, problems };
}

/** One line of the table. */
export function formatRow({ round, momentMs, victim, affected, problems }: KillRow): string {
  const verdict = problems.length === 0 ? "ok" : `WRONG: ${problems.join("; ")}`;
  return `${String(round).padStart(3)}  ${String(momentMs).padStart(5)} ms  ${
    victim.padEnd(34)
  }  ${affected} affected  ${verdict}`;
}

function startRun(
  number: number,
  { home, env, detached }: {
    readonly home: TestHome;
    readonly env: Readonly<Record<string, string>>;
    readonly detached: boolean;
  },
): StartedRun {
  const name = `run-${number}`;
  const script =
    `echo start ${number}; while [ ! -e go ]; do sleep 0.1; done; echo end ${number}; exit ${
      10 + number
    }`;
  const child = home.spawn(
    ["run", ...(detached ? ["-d"] : []), "--name", name, "--", "sh", "-c", script],
    { env },
  );
  const output = new Response(child.stdout).text();
  const messages = new Response(child.stderr).text();
  child.stdin.close();
  return { number, name, home, detached, env, child, output, messages };
}

async function passUntil(time: number): Promise<void> {
  const rest = time - performance.now();
  if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
}

interface Victim {
  readonly kind: "daemon" | "other" | "none";
  readonly text: string;
}

/** Kills a random process that belongs to these homes or descends from one that does. */
async function killOne(homes: readonly TestHome[], random: () => number): Promise<Victim> {
  const candidates = await processesOf(homes.map(({ home }) => home));
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (chosen === undefined) return { kind: "none", text: "nothing was running" };
  kill9(chosen.pid);
  return { kind: isDaemon(chosen) ? "daemon" : "other", text: describe(chosen) };
}

/** The daemon itself, or the shell that starts it again. */
function isDaemon({ argv }: Proc): boolean {
  return argv.some((word) => word.includes("_daemon"));
}

function describe(proc: Proc): string {
  if (isDaemon(proc)) return proc.argv.at(-1) === "_daemon" ? "daemon" : "the daemon's loop";
  const mode = proc.argv.includes("-d") ? "CLI of a detached run" : "CLI of an attached run";
  if (proc.argv.includes("--name")) return mode;
  return `process ${proc.argv[0]?.split("/").at(-1) ?? "?"}`;
}

/** Waits until each `run -d` has ended and each attached run prints or has ended. */
async function settleStarts(runs: readonly StartedRun[]): Promise<void> {
  await Promise.all(runs.filter(({ detached }) => detached).map(({ child }) => child.status));
}

/** What was wrong with a run, or `undefined` when code and last line are as they should be. */
async function checkRun(run: StartedRun): Promise<string | undefined> {
  const { child, number, name, home, detached } = run;
  const expected = 10 + number;
  const status = await child.status;
  const messages = (await run.messages).trim();
  if (detached) {
    if (status.code !== 0) return `${name}: run -d ended with ${status.code}: ${messages}`;
    const { code, stderr } = await home.moat(["wait", name]);
    if (code !== expected) return `${name}: wait gave ${code}, not ${expected} ${stderr.trim()}`;
  } else if (status.code !== expected) {
    return `${name}: run gave ${status.code}, not ${expected}: ${messages}`;
  }
  const last = (await home.moat(["logs", "-n", "1", name])).stdout;
  return last === `end ${number}\n`
    ? undefined
    : `${name}: last log line is ${JSON.stringify(last)}`;
}

/** After `clean`, nothing of this home may be left: on engines, in process tables, in its store. */
async function checkClean(home: TestHome): Promise<readonly string[]> {
  const cleaned = await home.moat(["clean", "--force"]);
  if (cleaned.code !== 0) return [`clean gave ${cleaned.code}: ${cleaned.stderr.trim()}`];
  const left = async (): Promise<readonly string[]> => {
    const processes = (await processesOf([home.home])).filter((proc) => !isDaemon(proc));
    return [
      ...processes.map(({ argv }) => `process left: ${argv.join(" ").slice(0, 60)}`),
      ...await engineObjects(home),
      ...await sandboxes(home),
    ];
  };
  try {
    await until("nothing left", async () => (await left()).length === 0, { timeoutMs: 5000 });
    return [];
  } catch {
    return await left();
  }
}

async function engineObjects(home: TestHome): Promise<readonly string[]> {
  const { stdout } = await home.moat(["status", "--json"]);
  const homeId = String(Object(JSON.parse(stdout || "{}")).homeId ?? "");
  if (homeId === "") return [];
  const listed = await Promise.all([["ps", "-aq"], ["network", "ls", "-q"]].map(async (args) => {
    const { stdout } = await new Deno.Command("docker", {
      args: [...args, "--filter", `label=moat.home=${homeId}`],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map((id) =>
      `${args[0]} ${id} left`
    );
  }));
  return listed.flat();
}

async function sandboxes({ home }: TestHome): Promise<readonly string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(`${home}/store/local`));
    return names.filter(({ name }) => name.startsWith("moat-run_")).map(({ name }) =>
      `${name} left`
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
