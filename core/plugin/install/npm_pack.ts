/**
 * Fetches an npm package as the user's own npm does: with their registry, proxy and credentials.
 *
 * `npm pack` downloads and verifies; scripts of the package are not run.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { MoatError, UnavailableError } from "../../errors.ts";

/** An npm package's archive. */
export interface NpmPackage {
  /** Exact. */
  readonly version: string;
  readonly archive: Uint8Array;
}

/** A registry that hangs is to be noticed. */
const DEADLINE_MS = 120_000;

/** Fetches it. @throws MoatError when there is no npm, no such package, or its bytes are not whole */
export async function npmPack(
  { name, version }: { readonly name: string; readonly version?: string },
  { cwd, signal }: { readonly cwd: string; readonly signal: AbortSignal },
): Promise<NpmPackage> {
  const wanted = version === undefined ? name : `${name}@${version}`;
  const directory = await Deno.makeTempDir({ prefix: "moat-npm-" });
  try {
    const output = await callNpm(
      ["pack", wanted, "--pack-destination", directory, "--json", "--ignore-scripts"],
      { wanted, cwd, signal },
    );
    const { filename, integrity, packed } = readAnswer(output, wanted);
    const archive = await Deno.readFile(join(directory, filename));
    const [algorithm = "", expected] = integrity.split(/-(.*)/s);
    const actual = algorithm === "sha512" || algorithm === "sha1"
      ? createHash(algorithm).update(archive).digest("base64")
      : undefined;
    if (actual === undefined || actual !== expected) {
      throw new MoatError(
        `Cannot use plugin "npm:${wanted}": its archive does not have the integrity ${integrity}`,
      );
    }
    return { version: packed, archive };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function callNpm(
  args: readonly string[],
  { wanted, cwd, signal }: {
    readonly wanted: string;
    readonly cwd: string;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("npm", {
      args: [...args],
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: limit,
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UnavailableError(`Cannot fetch plugin "npm:${wanted}": npm is not installed`, {
      cause,
      hint: "Install npm, or add the plugin from a directory or a .tgz file",
    });
  }
  signal.throwIfAborted();
  if (output.success) return new TextDecoder().decode(output.stdout);
  const reason = limit.aborted
    ? `npm did not answer within ${DEADLINE_MS / 1000}s`
    : firstComplaint(new TextDecoder().decode(output.stderr));
  throw new UnavailableError(`Cannot fetch plugin "npm:${wanted}": ${reason}`, {
    hint: `npm view ${wanted}`,
  });
}

/** The line of npm's report that says what happened: not its warnings, notices and codes. */
export function firstComplaint(stderr: string): string {
  const lines = stderr.split("\n")
    .filter((line) => !/^npm (?:warn|notice)\b/i.test(line))
    .map((line) => line.replace(/^npm (?:error|ERR!)\s*/, "").trim());
  return lines.find((line) => line !== "" && !/^(?:code|errno|syscall|path) /.test(line)) ??
    "npm failed";
}

function readAnswer(
  output: string,
  wanted: string,
): { readonly filename: string; readonly integrity: string; readonly packed: string } {
  const answer: unknown = JSON.parse(output);
  const first: unknown = Array.isArray(answer) ? answer[0] : Object.values(Object(answer))[0];
  const { filename, integrity, version } = Object(first);
  if (
    typeof filename === "string" && /^[\w.@+-]+$/.test(filename) && typeof integrity === "string" &&
    typeof version === "string"
  ) {
    return { filename, integrity, packed: version };
  }
  throw new MoatError(`Cannot fetch plugin "npm:${wanted}": npm's answer names no file`);
}
