/**
 * The runtime that MOAT_RUNTIME names, for commands that only look: it may be a plugin of the project
 * that one is in.
 *
 * @module
 */

import { loadProjectConfig } from "../config/load_project_config.ts";
import type { Context } from "../context.ts";
import { loadProjectPlugins } from "../plugin/load_project_plugins.ts";

/** The context with that runtime in its registry. @throws MoatError when its plugin cannot be used */
export async function withProjectRuntime(context: Context): Promise<Context> {
  const { env: { MOAT_RUNTIME: runtime }, registry, cwd: path } = context;
  if (!runtime || registry.find("runtime", runtime) !== undefined) return context;
  const plugins = await loadProjectPlugins(await loadProjectConfig(path), {
    project: { path },
    context,
    entries: [],
    runtime,
  });
  return { ...context, registry: plugins.registry };
}
