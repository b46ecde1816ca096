/**
 * Where a Unix socket can be: in the store when the path is short enough, else in /tmp.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { MoatError } from "../errors.ts";

/** What fits `sun_path` on every platform, with its end. */
const MAX_BYTES = 103;

/**
 * Returns a path to listen at, with nothing there. @throws MoatError when the directory in /tmp is
 * somebody else's
 */
export async function prepareSocketPath(
  preferred: string,
  { temporary = "/tmp" }: { readonly temporary?: string } = {},
): Promise<string> {
  const path = new TextEncoder().encode(preferred).length <= MAX_BYTES
    ? preferred
    : join(await ownDirectory(temporary), `${hash(preferred)}.sock`);
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return path;
}

async function ownDirectory(temporary: string): Promise<string> {
  const uid = Deno.uid() ?? 0;
  const directory = join(temporary, `moat-${uid}`);
  try {
    await Deno.mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isDirectory, uid: owner, mode } = await Deno.lstat(directory);
  if (isDirectory && owner === uid && ((mode ?? 0) & 0o077) === 0) return directory;
  throw new MoatError(`Cannot use "${directory}": it is not a directory of yours with mode 0700`, {
    hint: `Remove it, or set MOAT_HOME to a shorter path: rm -r ${directory}`,
  });
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
