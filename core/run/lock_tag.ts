/**
 * One process at a time makes an image; the others wait and look again.
 *
 * @module
 */

import { join } from "node:path";
import { delay } from "../delay.ts";
import type { Progress } from "../plugin/runtime.ts";
import type { Paths } from "../store/paths.ts";

/** Options of {@linkcode lockTag}. */
export interface LockTagOptions {
  readonly paths: Pick<Paths, "store">;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
}

const WAIT_MS = 50;

/** Holds the lock of the tag, or of another name, until disposed or until the process ends. */
export async function lockTag(
  tag: string,
  { paths, signal, progress }: LockTagOptions,
): Promise<Disposable> {
  const directory = join(paths.store, "locks");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${tag.replaceAll(/[^a-z0-9.]+/g, "-")}.lock`);
  const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  const activity = `lock ${tag}`;
  try {
    let waited = false;
    while (!(await file.tryLock(true))) {
      if (!waited) progress?.update(activity, `waiting for another run that makes ${tag}`);
      waited = true;
      await delay(WAIT_MS, signal);
    }
    if (waited) progress?.done(activity);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
