/**
 * What plugins have left in MOAT_HOME and below the temporary directory that nothing needs any more.
 *
 * Installed plugins stay: which projects use them is not known here.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere } from "../store/files.ts";
import type { Paths } from "../store/paths.ts";
import { findDeadDirectories, removeDeadDirectory } from "./temporary_directory.ts";

/** Something that can go. */
export interface PluginLeftover {
  /** For people: `answers of a plugin that is not installed`. */
  readonly subject: string;
  /** Removes it as far as it is still not needed. */
  remove(): Promise<void>;
}

/** Answers that nobody has written for so long are asked for again. */
const OLD_ANSWER_MS = 30 * 24 * 60 * 60 * 1000;

/** An installation takes no longer. */
const UNFINISHED_MS = 60 * 60 * 1000;

/** Looks for it. Removes nothing. */
export async function findPluginLeftovers(
  { store }: Pick<Paths, "store">,
): Promise<readonly PluginLeftover[]> {
  const directories = {
    plugins: join(store, "plugins"),
    answers: join(store, "plugin-answers"),
    caches: join(store, "plugin-caches"),
  };
  const now = Date.now();
  const installed = new Set(await namesIn(directories.plugins));
  const unfinished = await olderThan(
    now - UNFINISHED_MS,
    [...installed].filter((name) => name.startsWith("new-"))
      .map((name) => join(directories.plugins, name)),
  );
  const answers = await namesIn(directories.answers);
  const gone = (names: readonly string[]) => names.filter((name) => !installed.has(name));
  const old = await olderThan(
    now - OLD_ANSWER_MS,
    (await Promise.all(
      answers.filter((name) => installed.has(name)).map(async (name) => {
        const directory = join(directories.answers, name);
        return (await namesIn(directory)).map((answer) => join(directory, answer));
      }),
    )).flat(),
  );
  const leftover = (subject: string, paths: readonly string[]): readonly PluginLeftover[] =>
    paths.map((path) => ({ subject, remove: () => removeIfThere(path) }));
  return [
    ...leftover("unfinished installation of a plugin", unfinished),
    ...leftover(
      "answers of a plugin that is not installed",
      gone(answers).map((name) => join(directories.answers, name)),
    ),
    ...leftover(
      "directory of a plugin that is not installed",
      gone(await namesIn(directories.caches)).map((name) => join(directories.caches, name)),
    ),
    ...leftover("answer of a plugin, older than 30 days", old),
    ...(await findDeadDirectories()).map((path) => ({
      subject: `${path}, whose command is dead`,
      remove: async () => void await removeDeadDirectory(path),
    })),
  ];
}

async function olderThan(time: number, paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map(async (path) => {
    try {
      return Number((await Deno.lstat(path)).mtime) < time ? [path] : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }));
  return found.flat();
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
