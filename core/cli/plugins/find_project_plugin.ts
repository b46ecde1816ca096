/**
 * A third-party plugin of the project that one is in, by its name.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import type { DependencyPlugin } from "../../plugin/contract.ts";
import { readLock } from "../../plugin/install/plugin_lock.ts";
import { MANIFEST_FILE } from "../../plugin/install/plugin_package.ts";
import { readStoredPlugin } from "../../plugin/install/plugin_store.ts";
import { createDependency } from "../../plugin/manifest.ts";
import { parseManifest } from "../../plugin/read_manifest.ts";

/** Reads it from its manifest; `undefined`: moat.lock has none. @throws MoatError when not installed */
export async function findProjectPlugin(
  name: string,
  { cwd, paths }: Pick<Context, "cwd" | "paths">,
): Promise<DependencyPlugin | undefined> {
  const locked = (await readLock(cwd)).find(({ id }) => id === name);
  if (locked?.digest === undefined) return undefined;
  const files = await readStoredPlugin(paths, { id: name, digest: locked.digest });
  if (files === undefined) {
    throw new MoatError(`Cannot use plugin "${name}": it is not installed on this machine`, {
      hint: "moat plugin install",
    });
  }
  const text = new TextDecoder().decode(files.get(MANIFEST_FILE));
  return createDependency(await parseManifest(`${name}/${MANIFEST_FILE}`, text));
}
