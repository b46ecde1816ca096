/**
 * The checks before every commit: format, lint, types, layers, unit and contract tests, docs.
 *
 *     deno task ok                    before every commit
 *     deno task ok --without-tests    where they run anyway
 *
 * Changes nothing. Runs the quick checks side by side and prints the output of those that failed.
 *
 * @module
 */

interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

const SIDE_BY_SIDE: readonly Check[] = [
  { name: "format", args: ["fmt", "--check", "--quiet"] },
  { name: "lint", args: ["lint", "--quiet"] },
  { name: "types", args: ["check", "--quiet", "."] },
];

const DOCS: Check = {
  name: "docs",
  args: ["run", "--quiet", "--allow-all", "scripts/docs.ts", "--check"],
};
const TESTS: Check = {
  name: "tests",
  args: ["run", "--quiet", "--allow-all", "scripts/test.ts", "unit"],
};

async function passes({ name, args }: Check): Promise<boolean> {
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
  }).output();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${success ? "ok" : "FAILED"}  ${name} (${seconds}s)`);
  if (!success) {
    const decoder = new TextDecoder();
    console.log(decoder.decode(stdout) + decoder.decode(stderr));
  }
  return success;
}

async function main(args: readonly string[]): Promise<number> {
  const first = await Promise.all(SIDE_BY_SIDE.map(passes));
  if (first.includes(false)) return 1;
  const afterwards = args.includes("--without-tests") ? [DOCS] : [DOCS, TESTS];
  for (const check of afterwards) if (!await passes(check)) return 1;
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
