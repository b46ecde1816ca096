/**
 * Reads from git's index which directories are repositories of their own: git enters them, and obeys
 * their configuration, when it is asked for the status of the whole.
 *
 * Git reads a private copy of the index in an empty repository, so that nothing else of the original
 * counts. Most indexes name none; that is seen without git.
 *
 * @module
 */

import { join } from "node:path";
import { UnavailableError } from "../errors.ts";
import { lstatOr, readPlainFile } from "./hostile_files.ts";

const MAX_INDEX_BYTES = 256 * 1024 * 1024;
/** The mode 0160000 as an index has it, in big-endian order. */
const LINK_MODE = [0x00, 0x00, 0xe0, 0x00] as const;
const DEADLINE_MS = 30_000;

/** Paths, relative to the work tree, that the git directory's index names as repositories. */
export async function readGitLinks(gitDirectory: string): Promise<readonly string[]> {
  const files = new Map<string, Uint8Array>();
  for (const name of await indexFiles(gitDirectory)) {
    const bytes = await readPlainFile(join(gitDirectory, name), MAX_INDEX_BYTES);
    if (bytes !== undefined) files.set(name, bytes);
  }
  return [...files.values()].some(hasLinkMode) ? await listLinks(files) : [];
}

/** The index, and those that it may share entries with. */
async function indexFiles(gitDirectory: string): Promise<readonly string[]> {
  if (!(await lstatOr(join(gitDirectory, "index")))?.isFile) return [];
  const names = ["index"];
  for await (const { name } of Deno.readDir(gitDirectory)) {
    if (/^sharedindex\.[0-9a-f]+$/.test(name)) names.push(name);
  }
  return names;
}

function hasLinkMode(bytes: Uint8Array): boolean {
  const [a, b, c, d] = LINK_MODE;
  for (let at = bytes.indexOf(c); at >= 0; at = bytes.indexOf(c, at + 1)) {
    if (bytes[at - 2] === a && bytes[at - 1] === b && bytes[at + 1] === d) return true;
  }
  return false;
}

async function listLinks(files: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
  const directory = await Deno.makeTempDir({ prefix: "moat-git-" });
  try {
    await Promise.all(
      ["objects", "refs"].map((name) => Deno.mkdir(join(directory, name))),
    );
    await Deno.writeTextFile(join(directory, "HEAD"), "ref: refs/heads/main\n");
    for (const [name, bytes] of files) await Deno.writeFile(join(directory, name), bytes);
    const output = await listStages(directory);
    return output.split("\0").filter((entry) => entry.startsWith("160000 "))
      .map((entry) => entry.slice(entry.indexOf("\t") + 1));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function listStages(directory: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("git", {
      args: [`--git-dir=${directory}`, "ls-files", "--stage", "-z"],
      cwd: directory,
      env: {
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        HOME: directory,
        PATH: Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
      },
      clearEnv: true,
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output();
    return new TextDecoder().decode(stdout);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UnavailableError("Cannot read git's index: git is not on this machine", { cause });
  }
}
