/**
 * A runtime from elsewhere for tests: an executable that runs plain processes, and on request does
 * what it must not.
 *
 * @module
 */

import { join } from "node:path";

const HERE = import.meta.dirname ?? ".";
const FIXTURE = join(HERE, "../fixtures/plugins/plain");
const LIBRARY = join(HERE, "../../core/plugin/executable/moat_runtime.py");

/** Writes the plugin into a new directory. */
export async function writePlainPlugin(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  for (const { name } of Deno.readDirSync(FIXTURE)) {
    await Deno.copyFile(join(FIXTURE, name), join(directory, name));
  }
  await Deno.copyFile(LIBRARY, join(directory, "moat_runtime.py"));
}
