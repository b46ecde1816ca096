/**
 * Looks at a project before and after a run, so that the run cannot decide what the host does next.
 *
 * Configuration that changed is reported: what it widens is asked for again, see `trust_digest.ts`.
 * What would make the host's git run a program is taken out, and said. Everything here is written
 * by somebody hostile: see `hostile_files.ts`.
 *
 * @module
 */

import { join } from "node:path";
import { describeError } from "../errors.ts";
import { type DotGit, findGitDirectories, inspectDotGit } from "./git_directories.ts";
import { fingerprint, replaceFile, setAside } from "./hostile_files.ts";
import { type GitDirectoryState, lookAtGitDirectory } from "./look_at_git_directory.ts";
import { quote } from "./read_yaml.ts";
import { reviewGitDirectory, reviewPointers } from "./review_git_directory.ts";

/** Files in a project that decide what its runs may do. */
const CONFIG_FILES = ["moat.yaml", "moat.lock", "agent.yaml"] as const;

/** A project before a run; JSON, with no setting's value in it. */
export interface ProjectSnapshot {
  readonly project: string;
  /** Fingerprints of the files that were there. */
  readonly configFiles: Readonly<Record<string, string>>;
  readonly dotGit: DotGit;
  readonly gitDirectories: readonly GitDirectoryState[];
}

/** Looks at the project before a run. Changes nothing. */
export async function snapshotProject(projectPath: string): Promise<ProjectSnapshot> {
  const dotGit = await inspectDotGit(projectPath);
  const directories = await findGitDirectories(projectPath, dotGit);
  const [configFiles, gitDirectories] = await Promise.all([
    fingerprintConfigFiles(projectPath),
    Promise.all(
      directories.map((path, index) =>
        lookAtGitDirectory(path, { project: projectPath, isRoot: index === 0 })
      ),
    ),
  ]);
  return { project: projectPath, configFiles, dotGit, gitDirectories };
}

/** Compares with the look before, takes out what is dangerous; returns what to tell the user. */
export async function reviewProject(snapshot: ProjectSnapshot): Promise<readonly string[]> {
  const { project, gitDirectories } = snapshot;
  const notices = await reviewConfigFiles(snapshot);
  notices.push(...await guarded(join(project, ".git"), () => reviewDotGit(snapshot)));
  const known = new Map(gitDirectories.map((state) => [state.path, state]));
  const root = gitDirectories[0]?.path ?? join(project, ".git");
  for (const [path, before] of known) {
    notices.push(...await guarded(path, () => reviewPointers(path, { before, root })));
  }
  const now = await findGitDirectories(project, await inspectDotGit(project));
  for (const path of new Set([...known.keys(), ...now])) {
    const before = known.get(path);
    notices.push(
      ...await guarded(path, async () => [
        ...before === undefined ? await reviewPointers(path, { before, root }) : [],
        ...await reviewGitDirectory(path, { before, project }),
      ]),
    );
  }
  return notices;
}

async function fingerprintConfigFiles(project: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of CONFIG_FILES) {
    const print = await fingerprint(join(project, name));
    if (print !== undefined) found[name] = print;
  }
  return found;
}

async function reviewConfigFiles({ project, configFiles }: ProjectSnapshot): Promise<string[]> {
  const now = await fingerprintConfigFiles(project);
  return CONFIG_FILES.flatMap((name) => {
    const [before, after] = [configFiles[name], now[name]];
    if (before === after) return [];
    const change = before === undefined ? "is new" : after === undefined ? "is gone" : "changed";
    return [
      `${name} ${change} since this run began; what it asks for beyond the project must be accepted`,
    ];
  });
}

/** `.git` itself: where git looks for everything else. */
async function reviewDotGit({ project, dotGit }: ProjectSnapshot): Promise<string[]> {
  const path = join(project, ".git");
  const now = await inspectDotGit(project);
  if (now.kind === dotGit.kind && now.text === dotGit.text) return [];
  if (now.kind === "absent" || now.kind === "directory") return [];
  const aside = await setAside(path);
  if (dotGit.kind === "file" && dotGit.text !== undefined) await replaceFile(path, dotGit.text);
  return [`Moved ${path} to ${aside}: the run made it, and it says where git finds its programs`];
}

/** Runs one part of the review; what fails is said, and the others go on. */
async function guarded(
  path: string,
  review: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await review();
  } catch (error) {
    return [
      `Cannot check ${path}: ${quote(describeError(error))}; look at it before you use git here`,
    ];
  }
}
