/**
 * Takes out of a git directory what a run put there to make the host's git run programs.
 *
 * Settings that were there before stay, in their order. Hooks are renamed, not deleted.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { GitConfigCopy } from "./git_config.ts";
import {
  fingerprint,
  lstatOr,
  readPlainFile,
  readSmallFile,
  realPathOr,
  replaceFile,
  setAside,
} from "./hostile_files.ts";
import {
  type GitConfigState,
  type GitDirectoryState,
  lookAtHooks,
  programSettings,
  settingFingerprint,
} from "./look_at_git_directory.ts";
import { isWithin } from "./protected_paths.ts";
import { quote } from "./read_yaml.ts";

/** What a review compares with. */
export interface ReviewOptions {
  /** Absent when the run made the directory. */
  readonly before: GitDirectoryState | undefined;
  readonly project: string;
}

/** Reviews hooks and settings of one git directory; returns what to tell the user. */
export async function reviewGitDirectory(
  path: string,
  { before, project }: ReviewOptions,
): Promise<readonly string[]> {
  if (await lstatOr(path) === undefined) return [];
  const notices = [...await reviewHooks(path, before)];
  const standard = ["config", "config.worktree"].map((name) => join(path, name));
  for (const file of new Set([...standard, ...Object.keys(before?.configs ?? {})])) {
    const state = before?.configs[file];
    notices.push(...await reviewConfig(file, { state, gitDirectory: path, project }));
  }
  return notices;
}

/**
 * Reviews what leads git from this directory to another one: `commondir`, and links that took the
 * place of the directory or one above. Comes before everything else, as that would follow them.
 */
export async function reviewPointers(
  path: string,
  { before, root }: { readonly before: GitDirectoryState | undefined; readonly root: string },
): Promise<readonly string[]> {
  const notices: string[] = [];
  for (let above = path; above !== root && isWithin(above, root); above = dirname(above)) {
    if (!(await lstatOr(above))?.isSymlink) continue;
    const aside = await setAside(above);
    notices.push(`Moved ${above} to ${aside}: it was a directory before the run`);
  }
  if (await lstatOr(path) === undefined) return notices;
  return [...notices, ...await reviewCommonDir(path, before)];
}

/** `commondir` sends git elsewhere for its hooks and configuration. */
async function reviewCommonDir(
  path: string,
  before: GitDirectoryState | undefined,
): Promise<string[]> {
  const file = join(path, "commondir");
  const now = await readSmallFile(file, 4096);
  const isThere = await lstatOr(file) !== undefined;
  if (now === before?.commonDir && isThere === (now !== undefined)) return [];
  if (!isThere) {
    if (before?.commonDir === undefined) return [];
    await replaceFile(file, before.commonDir);
    return [`Put ${file} back: the run had removed it`];
  }
  const aside = await setAside(file);
  if (before?.commonDir !== undefined) await replaceFile(file, before.commonDir);
  return [`Moved ${file} to ${aside}: the run made it, and it says where git finds its hooks`];
}

async function reviewHooks(
  path: string,
  before: GitDirectoryState | undefined,
): Promise<string[]> {
  const directory = join(path, "hooks");
  const now = await lookAtHooks(path);
  const changed = Object.entries(now.hooks)
    .filter(([name, print]) => before?.hooks[name] !== print)
    .map(([name]) => name);
  if (changed.length === 0) return [];
  if (now.kind === "other") {
    const aside = await setAside(directory);
    return [`Moved ${directory} to ${aside}: the run made it, and git would run what it leads to`];
  }
  if (before?.hooksMounted) {
    return [`Hooks of git changed during the run: ${changed.map(quote).join(", ")}; read them`];
  }
  const notices: string[] = [];
  for (const name of changed) {
    const aside = await setAside(join(directory, name));
    notices.push(`Moved ${quote(join(directory, name))} to ${quote(aside)}: git would run it`);
  }
  return notices;
}

async function reviewConfig(
  file: string,
  { state, gitDirectory, project }: {
    readonly state: GitConfigState | undefined;
    readonly gitDirectory: string;
    readonly project: string;
  },
): Promise<readonly string[]> {
  const now = await fingerprint(file);
  if (now === undefined || now === state?.fingerprint || now === "directory") return [];
  if (await realPathOr(dirname(file)) !== dirname(file)) {
    return [
      `Cannot check ${file}: its directory became a link; look at it before you use git here`,
    ];
  }
  const content = await readPlainFile(file);
  if (content === undefined) {
    const aside = await setAside(file);
    return [`Moved ${file} to ${aside}: the run made it something that cannot be checked`];
  }
  return await cleanConfig(file, content, { state, gitDirectory, project });
}

async function cleanConfig(
  file: string,
  content: Uint8Array,
  { state, gitDirectory, project }: {
    readonly state: GitConfigState | undefined;
    readonly gitDirectory: string;
    readonly project: string;
  },
): Promise<readonly string[]> {
  const settings = await programSettings(content, { gitDirectory, project });
  const known = new Set(state?.programs);
  const appeared = settings.filter((setting) => !known.has(settingFingerprint(setting)));
  if (appeared.length === 0) return [];
  const keys = [...new Set(appeared.map(({ key }) => key))];
  await using copy = await GitConfigCopy.create(content);
  const all = await copy.list();
  const taken = new Set(appeared.map(settingFingerprint));
  for (const key of keys) {
    const kept = all.filter((setting) =>
      setting.key === key && !taken.has(settingFingerprint(setting))
    );
    await copy.set(key, kept.map(({ value }) => value));
  }
  await replaceFile(file, await copy.read());
  return [
    `Took out of ${file} what the run put there to make git run programs: ${
      keys.map(quote).join(", ")
    }`,
  ];
}
