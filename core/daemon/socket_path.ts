/**
 * Where a Unix socket can be: in the store when the path is short enough, else in /tmp.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { MoatError } from "../errors.ts";

/** What fits `sun_path` on every platform, with its end. */
const MAX_BYTES = 103;

/** Options of the functions here. */
export interface SocketPathOptions {
  /** Whose it is. @default the caller */
  readonly uid?: number;
  /** @default "/tmp" */
  readonly temporary?: string;
}

/** The path for a socket that is wished for at another, which may be too long. Pure. */
export function socketPath(
  preferred: string,
  { uid = Deno.uid() ?? 0, temporary = "/tmp" }: SocketPathOptions = {},
): string {
  return new TextEncoder().encode(preferred).length <= MAX_BYTES
    ? preferred
    : join(temporary, `moat-${uid}`, `${hash(preferred)}.sock`);
}

/**
 * Returns a path to listen at, with nothing there. @throws MoatError when the directory in /tmp is
 * somebody else's
 */
export async function prepareSocketPath(
  preferred: string,
  options: SocketPathOptions = {},
): Promise<string> {
  const path = socketPath(preferred, options);
  if (path !== preferred) await ensureOwnDirectory(dirname(path));
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return path;
}

async function ensureOwnDirectory(directory: string): Promise<void> {
  const uid = Deno.uid() ?? 0;
  try {
    await Deno.mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isDirectory, uid: owner, mode } = await Deno.lstat(directory);
  if (isDirectory && owner === uid && ((mode ?? 0) & 0o077) === 0) return;
  throw new MoatError(`Cannot use "${directory}": it is not a directory of yours with mode 0700`, {
    hint: `Remove it, or set MOAT_HOME to a shorter path: rm -r ${directory}`,
  });
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
