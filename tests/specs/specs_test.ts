/**
 * Runs every case below this folder: `<command>/<case>/case.json` with `stdout.out` and `stderr.out`.
 *
 * A case is `{ args, code?, files?, directory?, env?, input? }`: the command line, the exit code,
 * files of the project, where in it the command runs. In `.out` files `[WILDCARD]` stands for any text, `[LINE]` for any text
 * within a line; an absent file means no output. Cases run in this process, or against the program
 * that MOAT_TEST_BINARY names. `UPDATE_SPECS=1` rewrites files without wildcards.
 */

import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { captureContext } from "../helpers/captured_context.ts";
import { runCli } from "../../core/cli/run_cli.ts";

interface Case {
  readonly args: readonly string[];
  readonly code: number;
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly directory: string;
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = import.meta.dirname ?? ".";
const BINARY = Deno.env.get("MOAT_TEST_BINARY");
const UPDATE = Deno.env.get("UPDATE_SPECS") === "1";

for (const file of [...findCases(ROOT)].sort()) {
  const directory = dirname(file);
  Deno.test(`spec ${relative(ROOT, directory)}`, async () => {
    const spec = parseCase(await Deno.readTextFile(file));
    await using scratch = await makeScratch(spec.files);
    const result = BINARY === undefined
      ? await runHere(spec, scratch.path)
      : await runBinary(BINARY, spec, scratch.path);
    const shown = hidePaths(result, scratch.path);
    await matches(join(directory, "stdout.out"), shown.stdout);
    await matches(join(directory, "stderr.out"), shown.stderr);
    assert.equal(result.code, spec.code, `exit code; standard error:\n${shown.stderr}`);
  });
}

function* findCases(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) yield* findCases(path);
    else if (entry.name === "case.json") yield path;
  }
}

function parseCase(text: string): Case {
  const { args, code = 0, files = {}, env = {}, input = "", directory = "" } = Object(
    JSON.parse(text),
  );
  assert(Array.isArray(args), "args: a list");
  return { args, code, files, env, input, directory };
}

async function makeScratch(
  files: Case["files"],
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "moat-spec-" }));
  await Deno.mkdir(join(path, "project"));
  for (const [name, text] of Object.entries(files)) {
    const target = join(path, "project", name);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function environment({ env }: Case, scratch: string): Record<string, string> {
  return {
    HOME: scratch,
    MOAT_HOME: join(scratch, "home"),
    PATH: Deno.env.get("PATH") ?? "",
    NO_COLOR: "1",
    ...env,
  };
}

async function runHere(spec: Case, scratch: string): Promise<Result> {
  const captured = captureContext({
    env: environment(spec, scratch),
    cwd: join(scratch, "project", spec.directory),
    input: spec.input,
  });
  const code = await runCli(spec.args, captured.context);
  return { code, stdout: captured.stdout(), stderr: captured.stderr() };
}

async function runBinary(binary: string, spec: Case, scratch: string): Promise<Result> {
  const child = new Deno.Command(binary, {
    args: [...spec.args],
    cwd: join(scratch, "project", spec.directory),
    env: environment(spec, scratch),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    writer.write(new TextEncoder().encode(spec.input)).then(() => writer.close()).catch(() => {}),
  ]);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The scratch directory's name is random. */
function hidePaths(result: Result, scratch: string): Result {
  const hide = (text: string) => text.replaceAll(scratch, "[SCRATCH]");
  return { ...result, stdout: hide(result.stdout), stderr: hide(result.stderr) };
}

async function matches(file: string, actual: string): Promise<void> {
  const expected = await readOrNothing(file);
  if (UPDATE && !/\[(WILDCARD|LINE)\]/.test(expected)) {
    if (actual !== "") await Deno.writeTextFile(file, actual);
    return;
  }
  if (pattern(expected).test(actual)) return;
  assert.equal(actual, expected, relative(ROOT, file));
}

function pattern(expected: string): RegExp {
  const source = expected.split(/(\[WILDCARD\]|\[LINE\])/).map((part) => {
    if (part === "[WILDCARD]") return "[^]*";
    if (part === "[LINE]") return "[^\\n]*";
    return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  return new RegExp(`^${source.join("")}$`);
}

async function readOrNothing(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
