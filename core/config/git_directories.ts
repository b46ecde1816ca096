/**
 * Finds the git directories that a run of a project can write: its own or its worktree's common one,
 * those of its submodules and worktrees, and of repositories that its index names. Follows no links and looks at a bounded number.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { lstatOr, readSmallFile, realPathOr } from "./hostile_files.ts";
import { readGitLinks } from "./git_links.ts";
import { isWithin } from "./protected_paths.ts";

const MAX_DEPTH = 8;
const MAX_DIRECTORIES = 500;

/** What `.git` of a project is; `text` is the file's text or the link's target. */
export interface DotGit {
  readonly kind: "absent" | "directory" | "file" | "link" | "other";
  readonly text?: string;
}

/** Looks at `.git`. */
export async function inspectDotGit(project: string): Promise<DotGit> {
  const path = join(project, ".git");
  const stat = await lstatOr(path);
  if (stat === undefined) return { kind: "absent" };
  if (stat.isDirectory) return { kind: "directory" };
  if (stat.isSymlink) return { kind: "link", text: await Deno.readLink(path) };
  const text = await readSmallFile(path, 4096);
  return text === undefined ? { kind: "other" } : { kind: "file", text };
}

/** The git directories, the project's own first; of a worktree, the common one. */
export async function findGitDirectories(
  project: string,
  dotGit: DotGit,
): Promise<readonly string[]> {
  const own = await ownDirectory(project, dotGit);
  if (own === undefined) return [];
  const common = await readSmallFile(join(own, "commondir"), 4096);
  const root = common === undefined || dotGit.kind === "directory"
    ? own
    : await realPathOr(resolve(own, common.trim()));
  if (root === undefined || (root === own && !isWithin(own, project))) return [];
  const found = [root];
  await collect(join(root, "modules"), { found, depth: 0 });
  for (const name of await directoriesIn(join(root, "worktrees"))) {
    found.push(join(root, "worktrees", name));
  }
  await collectLinked({ workTree: project, gitDirectory: own }, { project, found, depth: 0 });
  return found.slice(0, MAX_DIRECTORIES);
}

/** Where `.git` leads; of a plain repository, the directory itself. */
async function ownDirectory(workTree: string, { kind, text }: DotGit): Promise<string | undefined> {
  if (kind === "directory") return join(workTree, ".git");
  const gitDir = kind === "link" ? text : /^gitdir: (.+)$/m.exec(text ?? "")?.[1];
  return gitDir === undefined ? undefined : await realPathOr(resolve(workTree, gitDir.trim()));
}

/** Adds repositories in the work tree that the index names, and those that theirs name. */
async function collectLinked(
  { workTree, gitDirectory }: { readonly workTree: string; readonly gitDirectory: string },
  { project, found, depth }: {
    readonly project: string;
    readonly found: string[];
    readonly depth: number;
  },
): Promise<void> {
  if (depth > MAX_DEPTH || found.length > MAX_DIRECTORIES) return;
  for (const path of await readGitLinks(gitDirectory)) {
    const inner = join(workTree, path);
    if (await realPathOr(inner) !== inner) continue;
    const directory = await ownDirectory(inner, await inspectDotGit(inner));
    if (directory === undefined || !isWithin(directory, project)) continue;
    if (!found.includes(directory)) found.push(directory);
    await collectLinked(
      { workTree: inner, gitDirectory: directory },
      { project, found, depth: depth + 1 },
    );
  }
}

/** Adds what is a git directory below; names of submodules may have slashes. */
async function collect(
  directory: string,
  { found, depth }: { readonly found: string[]; readonly depth: number },
): Promise<void> {
  if (depth > MAX_DEPTH || found.length > MAX_DIRECTORIES) return;
  for (const name of await directoriesIn(directory)) {
    const path = join(directory, name);
    if (await lstatOr(join(path, "HEAD")) === undefined) {
      await collect(path, { found, depth: depth + 1 });
    } else {
      found.push(path);
      await collect(join(path, "modules"), { found, depth: depth + 1 });
    }
  }
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  if (!(await lstatOr(directory))?.isDirectory) return [];
  const names: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory) names.push(entry.name);
    if (names.length > MAX_DIRECTORIES) break;
  }
  return names.toSorted();
}
