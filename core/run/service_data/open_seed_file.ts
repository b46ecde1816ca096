/**
 * Opens a file of the project that a run may have put there.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { lstatOr, realPathOr } from "../../config/hostile_files.ts";
import { UsageError } from "../../errors.ts";

/**
 * Opens it for reading; links are followed within the project.
 * @throws UsageError when it is not there, no plain file, or outside
 */
export async function openSeedFile(path: string, project: string): Promise<Deno.FsFile> {
  const refused = (state: string) =>
    new UsageError(`Cannot read seed "${path}": ${state}`, {
      hint: "Name SQL files of the project under seed:, such as db/seed.sql",
    });
  const real = await realPathOr(resolve(project, path));
  if (real === undefined) throw refused("there is no such file");
  if (!real.startsWith(join(project, "/"))) throw refused("it is outside of the project");
  const found = await lstatOr(real);
  if (!found?.isFile) throw refused("it is no plain file");
  let file: Deno.FsFile;
  try {
    file = await Deno.open(real);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw refused("this user may not read it");
  }
  // The path may lead elsewhere by now: what was opened is what was looked at.
  const opened = await file.stat();
  if (opened.ino === found.ino && opened.dev === found.dev) return file;
  file.close();
  throw refused("it changed while it was opened");
}
