/**
 * The relay's socket: where the sandbox sees it, and a path outside that is short enough to bind.
 *
 * The path of a Unix socket has at most 108 bytes. Where the state directory is too deep, the socket
 * is bound through a symbolic link in a private directory below /tmp.
 *
 * The command may run as another user than moat, so the socket's own directory is open to all; what
 * keeps the host's other users out is the state directory around it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MoatError } from "../../../core/errors.ts";
import { RELAY_TARGET, relayDirectory } from "./contract.ts";

const SOCKET_NAME = "relay.sock";

/** Longest directory that leaves room for the socket's name and a temporary suffix. */
const MAX_DIRECTORY_BYTES = 88;

/** The socket as the sandbox sees it. */
export const SOCKET_INSIDE = `${RELAY_TARGET}/${SOCKET_NAME}`;

/** Makes the directories and returns a path to bind. Idempotent. */
export async function prepareRelaySocket(stateDir: string): Promise<string> {
  const directory = relayDirectory(stateDir);
  await requirePrivate(stateDir);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.chmod(directory, 0o755);
  return `${await shortenDirectory(directory)}/${SOCKET_NAME}`;
}

/** A path of the directory that leaves room for a socket's name. Idempotent. */
export async function shortenDirectory(directory: string): Promise<string> {
  if (new TextEncoder().encode(directory).length <= MAX_DIRECTORY_BYTES) return directory;
  await makePrivate(shortRoot());
  const link = shortLink(directory);
  try {
    await Deno.symlink(directory, link);
  } catch (error) {
    // The name is made of the directory's own: it leads there.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  return link;
}

/** Removes the link that {@linkcode shortenDirectory} may have made. Idempotent. */
export async function removeShortened(directory: string): Promise<void> {
  await Deno.remove(shortLink(directory)).catch(ignoreMissing);
}

/** Removes what {@linkcode prepareRelaySocket} made outside the state directory. Idempotent. */
export async function removeRelaySocket(stateDir: string): Promise<void> {
  await removeShortened(relayDirectory(stateDir));
}

function shortRoot(): string {
  return `/tmp/moat-${Deno.uid()}`;
}

function shortLink(directory: string): string {
  return `${shortRoot()}/${createHash("sha256").update(directory).digest("hex").slice(0, 16)}`;
}

/** Others can make names in /tmp first, so owner and mode are checked, not assumed. */
async function makePrivate(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  await requirePrivate(path);
}

async function requirePrivate(path: string): Promise<void> {
  const found = await Deno.lstat(path);
  if (found.isDirectory && found.uid === Deno.uid() && ((found.mode ?? 0) & 0o077) === 0) return;
  throw new MoatError(`Cannot use "${path}": it is not a directory of this user alone`, {
    hint: `chmod 700 ${path}`,
  });
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
