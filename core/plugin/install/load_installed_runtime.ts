/**
 * The runtime of a stored run that is from elsewhere: by the digest of its files, whatever the
 * directory, and whatever the project uses now.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { Store } from "../../store/store.ts";
import type { RuntimePlugin } from "../contract.ts";
import { loadLockedPlugin } from "./load_locked_plugin.ts";

/** Loads it. @throws MoatError when it was never accepted here, or is not installed any more */
export async function loadInstalledRuntime(
  { id, digest }: { readonly id: string; readonly digest: string },
  context: Context,
): Promise<RuntimePlugin> {
  using store = Store.openExisting(context.paths);
  if (store?.isPluginAccepted(digest) !== true) {
    throw new MoatError(`Cannot use plugin "${id}": it is code that you did not accept`, {
      hint: "moat plugin install",
    });
  }
  const plugin = await loadLockedPlugin({ id, digest }, context);
  if (plugin.kind === "runtime") return plugin;
  throw new MoatError(`Cannot use plugin "${id}": it is no runtime`, { hint: "moat plugin list" });
}
