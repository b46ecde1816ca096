/**
 * Writes a file that only its owner may read.
 *
 * @module
 */

/** Replaces the file as a whole: readers see the old text or the new one. Mode 0600 from the start. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}`;
  try {
    await Deno.writeTextFile(beside, text, { createNew: true, mode: 0o600 });
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw error;
  }
}
