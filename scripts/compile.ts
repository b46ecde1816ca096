/**
 * Compiles moat to one self-contained program.
 *
 *     deno task compile                                    dist/moat for this machine
 *     deno task compile --target aarch64-apple-darwin      dist/moat-aarch64-apple-darwin
 *     deno task compile --all                              all targets, with SHA256SUMS
 *
 * Deno writes the program into a base executable, which it downloads for each target; DENORT_BIN
 * names one on disk instead. Writes below dist/ only.
 *
 * @module
 */

/** Targets that moat is released for. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
] as const;

async function compile(target: string | undefined, output: string): Promise<boolean> {
  await Deno.mkdir("dist", { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--allow-all",
      "--no-check",
      // One module instead of hundreds: halves the time to start.
      "--bundle",
      "--minify",
      // Much output makes short-lived garbage: a small nursery halves the peak of memory.
      "--v8-flags=--max-semi-space-size=2",
      ...(target === undefined ? [] : ["--target", target]),
      "--output",
      output,
      "main.ts",
    ],
    stdin: "null",
    stdout: "inherit",
  }).output();
  if (success) {
    console.log(`${output}  ${((await Deno.stat(output)).size / 1024 ** 2).toFixed(0)} MiB`);
    return true;
  }
  const text = new TextDecoder().decode(stderr);
  console.error(text.trimEnd());
  if (/denort|download|fetch|connect|dns/i.test(text)) {
    console.error(
      `\nThe base executable for ${target ?? "this machine"} could not be had: Deno downloads it ` +
        "from its own servers.\nWhere they cannot be reached, set DENORT_BIN to a denort of that " +
        "target, from the release page of Deno.",
    );
  }
  return false;
}

async function writeSums(files: readonly string[]): Promise<void> {
  const lines = await Promise.all(files.map(async (file) => {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`dist/${file}`));
    return `${new Uint8Array(digest).toHex()}  ${file}\n`;
  }));
  await Deno.writeTextFile("dist/SHA256SUMS", lines.join(""));
}

async function main(args: readonly string[]): Promise<number> {
  const [flag, target] = args;
  if (flag === undefined) return await compile(undefined, "dist/moat") ? 0 : 1;
  if (flag === "--target" && target !== undefined) {
    return await compile(target, `dist/moat-${target}`) ? 0 : 1;
  }
  if (flag !== "--all") {
    console.error(`Usage: deno task compile [--target ${TARGETS.join("|")} | --all]`);
    return 2;
  }
  const made: string[] = [];
  for (const each of TARGETS) {
    if (!await compile(each, `dist/moat-${each}`)) return 1;
    made.push(`moat-${each}`);
  }
  await writeSums(made);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
