/**
 * Whether the plugins of a project are what moat.lock says, on this machine. Only looks.
 *
 * @module
 */

import { MoatError } from "../../errors.ts";
import type { Paths } from "../../store/paths.ts";
import type { Store } from "../../store/store.ts";
import { BUILTIN, type LockedPlugin } from "./plugin_lock.ts";
import { readStoredPlugin } from "./plugin_store.ts";

/** What was found; `ok` can be used. */
export type PluginState = "ok" | "not locked" | "not installed" | "changed" | "not accepted";

/** The state of one locked plugin. */
export async function stateOf(
  { id, source, digest }: LockedPlugin,
  { paths, store }: {
    readonly paths: Pick<Paths, "store">;
    readonly store: Pick<Store, "isPluginAccepted"> | undefined;
  },
): Promise<PluginState> {
  if (source === BUILTIN) return "ok";
  if (digest === undefined) return "not locked";
  try {
    if (await readStoredPlugin(paths, { id, digest }) === undefined) return "not installed";
  } catch (error) {
    if (error instanceof MoatError) return "changed";
    throw error;
  }
  return store?.isPluginAccepted(digest) === true ? "ok" : "not accepted";
}
