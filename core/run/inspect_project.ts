/**
 * Looks at a project directory: who owns it, what git keeps in it, which files of ours are there.
 *
 * Refuses directories that must not be a project. Creates nothing.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { lstatOr } from "../config/hostile_files.ts";
import { UsageError } from "../errors.ts";
import type { RunRequest } from "./request.ts";

/** Files in a project that decide what its runs may do. */
export const CONFIG_FILES = ["moat.yaml", "moat.lock", "agent.yaml"] as const;

/** Where a project may be looked for. */
export interface InspectProjectOptions {
  readonly cwd: string;
  /** The user's home directory, if known. */
  readonly userHome: string | undefined;
  /** MOAT_HOME. */
  readonly moatHome: string;
}

/**
 * Describes the project at the path, or in the current directory.
 *
 * @throws UsageError when it is no directory, is a subdirectory of a project, or must not be mounted
 */
export async function inspectProject(
  path: string | undefined,
  { cwd, userHome, moatHome }: InspectProjectOptions,
): Promise<RunRequest["project"]> {
  const asked = resolve(cwd, path ?? ".");
  const project = await realDirectory(asked, path ?? ".");
  await refuseForbidden(project, [userHome, moatHome]);
  const present = await existing(project, CONFIG_FILES);
  if (path === undefined && !present.some(isProjectFile)) {
    await refuseSubdirectory(project, userHome);
  }
  const { uid, gid } = await Deno.stat(project);
  const [git, configFiles] = await Promise.all([
    inspectGit(project),
    withoutLinks(project, present),
  ]);
  return { path: project, uid: uid ?? 0, gid: gid ?? 0, configFiles, ...git };
}

async function realDirectory(path: string, typed: string): Promise<string> {
  try {
    const real = await Deno.realPath(path);
    if ((await Deno.stat(real)).isDirectory) return real;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`Cannot run in "${typed}": there is no such directory`, {
      hint: `A command goes behind two dashes: moat run -- ${typed}`,
    });
  }
  throw new UsageError(`Cannot run in "${typed}": it is not a directory`, {
    hint: `A command goes behind two dashes: moat run -- ${typed}`,
  });
}

/** `/`, the home directory itself, and every directory that holds MOAT_HOME. */
async function refuseForbidden(
  project: string,
  [userHome, moatHome]: readonly [string | undefined, string],
): Promise<void> {
  const hint = "Run in a project's own directory";
  if (project === "/") throw new UsageError('Cannot use "/" as a project', { hint });
  if (userHome !== undefined && project === await realOr(userHome)) {
    throw new UsageError(`Cannot use "${project}" as a project: it is your home directory`, {
      hint,
    });
  }
  const home = await realOr(moatHome);
  if (home === project || home.startsWith(`${project}/`) || project.startsWith(`${home}/`)) {
    throw new UsageError(
      `Cannot use "${project}" as a project: moat keeps its own files there (${home})`,
      { hint },
    );
  }
}

async function refuseSubdirectory(project: string, userHome: string | undefined): Promise<void> {
  const stop = userHome === undefined ? "/" : await realOr(userHome);
  for (let above = dirname(project); above !== "/" && above !== stop; above = dirname(above)) {
    const found = (await existing(above, CONFIG_FILES)).find(isProjectFile);
    if (found === undefined) continue;
    throw new UsageError(
      `Cannot tell which project is meant: "${project}" has no moat.yaml, but ${
        join(above, found)
      } is there`,
      { hint: `moat run ${above}   (or, for this directory alone: moat run .)` },
    );
  }
}

function isProjectFile(name: string): boolean {
  return name === "moat.yaml" || name === "agent.yaml";
}

/** What git keeps in the project. Links are not followed: a run could have made them. */
async function inspectGit(
  project: string,
): Promise<Pick<RunRequest["project"], "hasGit" | "gitFile" | "gitHooks" | "gitCommonDir">> {
  const dotGit = join(project, ".git");
  const stat = await lstatOr(dotGit);
  if (stat?.isDirectory) {
    return { hasGit: true, gitHooks: await isDirectory(join(dotGit, "hooks")) };
  }
  if (!stat?.isFile) return { hasGit: false };
  const file = { hasGit: false, gitFile: true };
  const gitDir = /^gitdir: (.+)$/m.exec(await readSmall(dotGit) ?? "")?.[1];
  if (gitDir === undefined) return file;
  const directory = resolve(project, gitDir.trim());
  const common = await readSmall(join(directory, "commondir"));
  if (common === undefined) return file;
  const resolved = await realOr(resolve(directory, common.trim()));
  if (await lstatOr(join(resolved, "HEAD")) === undefined) return file;
  return { ...file, gitCommonDir: resolved, gitHooks: await isDirectory(join(resolved, "hooks")) };
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstatOr(path))?.isDirectory ?? false;
}

async function withoutLinks(directory: string, names: readonly string[]): Promise<string[]> {
  const files = await Promise.all(
    names.map(async (name) => (await lstatOr(join(directory, name)))?.isFile ?? false),
  );
  return names.filter((_, index) => files[index]);
}

async function existing(directory: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => await lstatOr(join(directory, name)) !== undefined),
  );
  return names.filter((_, index) => found[index]);
}

async function realOr(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return resolve(path);
    throw error;
  }
}

/** The text of a file of git's that holds one path; `undefined` when it is not such a file. */
async function readSmall(path: string): Promise<string | undefined> {
  try {
    const { isFile, size } = await Deno.stat(path);
    return isFile && size <= 4096 ? await Deno.readTextFile(path) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
