/**
 * Remembers helpers that hang on this machine: per program file, until the next start of the machine.
 *
 * @module
 */

import type { FoundHelper } from "./find_helpers.ts";

/** Whether the helper hung since the machine started. */
export async function isSkipped(directory: string, helper: FoundHelper): Promise<boolean> {
  const remembered = await readIfThere(memoryFile(directory, helper));
  return remembered !== undefined && remembered === await identity(helper);
}

/** Remembers that the helper hangs. Not remembering it costs time only, so failures pass. */
export async function skipHelper(directory: string, helper: FoundHelper): Promise<void> {
  try {
    await Deno.writeTextFile(memoryFile(directory, helper), await identity(helper));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

function memoryFile(directory: string, { kind }: FoundHelper): string {
  return `${directory}/hangs-${kind}`;
}

async function identity({ path }: FoundHelper): Promise<string> {
  const { mtime, size } = await Deno.stat(path);
  const boot = await readIfThere("/proc/sys/kernel/random/boot_id");
  return JSON.stringify([path, size, mtime?.getTime() ?? 0, boot?.trim() ?? ""]);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
