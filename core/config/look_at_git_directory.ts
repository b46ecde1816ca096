/**
 * Looks at what in a git directory makes git run programs: settings, hooks, and the file that sends
 * git to another directory for both. Changes nothing.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { MoatError } from "../errors.ts";
import { GitConfigCopy, type GitSetting } from "./git_config.ts";
import { mayRunPrograms, runsProgram, type SettingPlace } from "./git_program_keys.ts";
import {
  fingerprint,
  lstatOr,
  readPlainFile,
  readSmallFile,
  realPathOr,
  sha256,
} from "./hostile_files.ts";
import { isWithin } from "./protected_paths.ts";

/** What was found; fingerprints only, as configurations hold passwords. */
export interface GitDirectoryState {
  readonly path: string;
  /** Text of `commondir`; a plain repository has none. */
  readonly commonDir?: string;
  /** The hooks are a mount of their own during the run; unless that was switched off, read-only. */
  readonly hooksMounted: boolean;
  /** Hooks by name. */
  readonly hooks: Readonly<Record<string, string>>;
  /** Configuration files by path, also those in the project that they include. */
  readonly configs: Readonly<Record<string, GitConfigState>>;
}

/** A configuration file. */
export interface GitConfigState {
  readonly fingerprint: string;
  /** Fingerprints of the settings that run programs. */
  readonly programs: readonly string[];
}

const CONFIG_NAMES = ["config", "config.worktree"] as const;
const MAX_HOOKS = 1000;
const MAX_INCLUDES = 20;

/** Looks at one git directory of the project; `isRoot`: not one of a submodule or worktree. */
export async function lookAtGitDirectory(
  path: string,
  { project, isRoot }: { readonly project: string; readonly isRoot: boolean },
): Promise<GitDirectoryState> {
  const [commonDir, { kind, hooks }, configs] = await Promise.all([
    readSmallFile(join(path, "commondir"), 4096),
    lookAtHooks(path),
    lookAtConfigs(path, project),
  ]);
  const hooksMounted = isRoot && kind === "directory";
  return { path, ...(commonDir === undefined ? {} : { commonDir }), hooksMounted, hooks, configs };
}

/** The hooks of a git directory. Samples are left out: git does not run them. */
export async function lookAtHooks(
  gitDirectory: string,
): Promise<
  { readonly kind: "absent" | "directory" | "other"; readonly hooks: Record<string, string> }
> {
  const directory = join(gitDirectory, "hooks");
  const stat = await lstatOr(directory);
  if (stat === undefined) return { kind: "absent", hooks: {} };
  if (!stat.isDirectory) {
    return { kind: "other", hooks: { "": await fingerprint(directory) ?? "" } };
  }
  const hooks: Record<string, string> = {};
  let count = 0;
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".sample") || /\.from-run(-\d+)?$/.test(name)) continue;
    if (++count > MAX_HOOKS) break;
    hooks[name] = await fingerprint(join(directory, name)) ?? "";
  }
  return { kind: "directory", hooks };
}

/** Settings of a configuration file that run programs. @throws MoatError as `list()` */
export async function programSettings(
  content: Uint8Array,
  place: SettingPlace,
): Promise<readonly GitSetting[]> {
  if (!mayRunPrograms(new TextDecoder().decode(content))) return [];
  await using copy = await GitConfigCopy.create(content);
  return (await copy.list()).filter((setting) => runsProgram(setting, place));
}

/** What a setting is recognised by. */
export function settingFingerprint({ key, value }: GitSetting): string {
  return sha256(`${key}\0${value}`).slice(0, 32);
}

async function lookAtConfigs(
  gitDirectory: string,
  project: string,
): Promise<Readonly<Record<string, GitConfigState>>> {
  const configs: Record<string, GitConfigState> = {};
  const waiting = CONFIG_NAMES.map((name) => join(gitDirectory, name));
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (configs[path] !== undefined || Object.keys(configs).length > MAX_INCLUDES) continue;
    const print = await fingerprint(path);
    if (print === undefined) continue;
    const content = await readPlainFile(path);
    const settings = content === undefined
      ? []
      : await settingsOrNothing(content, { gitDirectory, project });
    configs[path] = { fingerprint: print, programs: settings.map(settingFingerprint) };
    waiting.push(...await includedFiles(settings, { from: path, project }));
  }
  return configs;
}

/** Without git there is nothing to compare with later, and nobody who runs the programs. */
async function settingsOrNothing(
  content: Uint8Array,
  place: SettingPlace,
): Promise<readonly GitSetting[]> {
  try {
    return await programSettings(content, place);
  } catch (error) {
    if (error instanceof MoatError) return [];
    throw error;
  }
}

/** Files of the project that a configuration includes: a run could write them. */
async function includedFiles(
  settings: readonly GitSetting[],
  { from, project }: { readonly from: string; readonly project: string },
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { key, value } of settings) {
    if (!/^include(if\..*)?\.path$/s.test(key)) continue;
    const path = resolve(dirname(from), value);
    const directory = await realPathOr(dirname(path));
    if (directory === undefined || !isWithin(directory, project)) continue;
    files.push(join(directory, basename(path)));
  }
  return files;
}
