/**
 * One process at a time makes an image; the others wait and look again.
 *
 * @module
 */

import { join } from "node:path";
import type { Progress } from "../plugin/runtime.ts";
import { lockFile } from "../store/file_lock.ts";
import type { Paths } from "../store/paths.ts";

/** Options of {@linkcode lockTag}. */
export interface LockTagOptions {
  readonly paths: Pick<Paths, "store">;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
}

/** Holds the lock of the tag, or of another name, until disposed or until the process ends. */
export async function lockTag(
  tag: string,
  { paths, signal, progress }: LockTagOptions,
): Promise<Disposable> {
  const directory = join(paths.store, "locks");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${tag.replaceAll(/[^a-z0-9.]+/g, "-")}.lock`);
  const activity = `lock ${tag}`;
  let waited = false;
  const lock = await lockFile(path, {
    signal,
    waiting() {
      waited = true;
      progress?.update(activity, `waiting for another run that makes ${tag}`);
    },
  });
  if (waited) progress?.done(activity);
  return lock;
}
