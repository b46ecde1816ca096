/**
 * Runs the test suites, says what was skipped and why, and ends with one line of totals.
 *
 *     deno task test               everything that this machine allows
 *     deno task test unit          one suite, or several: unit, runtimes, e2e, docker, engine
 *
 * With MOAT_TEST_BINARY the end-to-end suite drives that program instead of `deno run main.ts`.
 * Starts test processes, writes nothing in the project. Exits with 1 when a test failed.
 *
 * @module
 */

/** What runs without a name, in order: everything. */
const ALL = ["unit", "runtimes", "e2e"];

/** Folders and files of each suite. */
const SUITES: Readonly<Record<string, readonly string[]>> = {
  unit: [
    ...["core", "plugins", "proxy", "scripts", "tests/helpers"],
    ...["errors_page", "layers", "named_commands", "pages"].map((name) => `tests/${name}_test.ts`),
  ],
  runtimes: ["runtimes", "tests/contracts"],
  e2e: ["tests/e2e", "tests/specs"],
  // Parts of the two above, for a second engine: what depends on which one it is.
  docker: ["runtimes/docker"],
  engine: [
    "docker_access",
    "gvisor",
    "images",
    "router",
    "router_clients",
    "router_inside",
    "services",
  ]
    .map((name) => `tests/e2e/${name}_test.ts`),
};

interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A suite that takes longer hangs: it is ended, and has failed. */
const LIMIT_MS = 15 * 60_000;

async function runSuite(name: string, folders: readonly string[]): Promise<Totals> {
  const present = await existing(folders);
  if (present.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const skips = await Deno.makeTempFile({ prefix: "moat-skips-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "--allow-all", "--no-check", "--permit-no-files", ...present],
    env: { NO_COLOR: "1", MOAT_TEST_SKIPS: skips },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    console.log(`${name}: ended after ${LIMIT_MS / 60_000} minutes`);
    child.kill("SIGKILL");
  }, LIMIT_MS);
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text = (text + chunk).slice(-1_000_000);
    await Deno.stdout.write(new TextEncoder().encode(chunk));
  }
  const { success } = await child.status;
  clearTimeout(timer);
  const reasons = (await Deno.readTextFile(skips)).split("\n").filter(Boolean);
  await Deno.remove(skips);
  const totals = parseTotals(text, success);
  console.log(`${name}: ${totalsLine(totals)}`);
  for (const [reason, count] of countEach(reasons)) console.log(`  skipped ${count}: ${reason}`);
  return totals;
}

/** Reads the summary line of `deno test`. A suite that ended without one has failed. */
function parseTotals(text: string, success: boolean): Totals {
  const last = [...text.matchAll(/(\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/g)].at(-1);
  const passed = Number(last?.[1] ?? 0);
  const failed = Number(last?.[2] ?? 0);
  return {
    passed,
    failed: success || failed > 0 ? failed : 1,
    skipped: Number(last?.[3] ?? 0),
  };
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      await Deno.lstat(path);
      found.push(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

function countEach(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function totalsLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.length === 0 ? ALL : args;
  let sum: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const name of names) {
    const folders = SUITES[name];
    if (folders === undefined) {
      console.error(`Unknown suite "${name}". Known: ${Object.keys(SUITES).join(", ")}`);
      return 2;
    }
    const totals = await runSuite(name, folders);
    sum = {
      passed: sum.passed + totals.passed,
      failed: sum.failed + totals.failed,
      skipped: sum.skipped + totals.skipped,
    };
  }
  console.log(totalsLine(sum));
  return sum.failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
