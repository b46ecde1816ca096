/**
 * Looks at the runtime's own directories, where what is not there is no error.
 *
 * @module
 */

/** Names in a directory, sorted. */
export async function directoryNames(path: string): Promise<readonly string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
