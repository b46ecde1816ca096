/**
 * What fetching a plugin depends on, out of a command's context and the home's configuration.
 *
 * @module
 */

import { loadHomeConfig } from "../../config/load_home_config.ts";
import type { Context } from "../../context.ts";
import type { FetchOptions } from "../../plugin/install/fetch_plugin.ts";
import type { Store } from "../../store/store.ts";

/** For `fetchPlugin()`. @throws ConfigError for what is wrong in config.yaml */
export async function fetchOptions(
  { paths, version, signal }: Pick<Context, "paths" | "version" | "signal">,
  { project, store }: { readonly project: string; readonly store: Store },
): Promise<FetchOptions> {
  const { registries } = await loadHomeConfig(paths);
  return { project, version, signal, registries, store };
}
