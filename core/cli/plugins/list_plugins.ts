/**
 * `moat plugin list` and `verify`: the plugins of this project and whether they can be used.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { BUILTIN, type LockedPlugin } from "../../plugin/install/plugin_lock.ts";
import { type PluginState, stateOf } from "../../plugin/install/plugin_state.ts";
import { ProjectPluginFiles } from "../../plugin/install/project_plugin_files.ts";
import { Store } from "../../store/store.ts";
import { alignColumns, printable } from "../table.ts";
import { projectDirectory } from "./project_directory.ts";

/** A plugin of the project, as `--json` prints it. */
export interface ListedPlugin {
  readonly id: string;
  readonly kind: string;
  readonly version: string | null;
  readonly source: string;
  readonly digest: string | null;
  readonly state: PluginState;
}

/** The plugins of the project: those of moat.lock, and those of moat.yaml that it lacks. */
export async function listPlugins(context: Context): Promise<readonly ListedPlugin[]> {
  const files = await ProjectPluginFiles.open(await projectDirectory(context));
  using store = Store.openExisting(context.paths);
  const sources = await files.entries("plugins");
  const used = files.locked.filter(({ source }) => source === BUILTIN || sources.includes(source));
  const missing = sources.filter((source) => used.every((one) => one.source !== source));
  const locked = await Promise.all(
    used.map(async (plugin) =>
      describe(plugin, await stateOf(plugin, { paths: context.paths, store }))
    ),
  );
  return [
    ...locked,
    ...missing.map((source): ListedPlugin => ({
      id: source,
      kind: "dependency",
      version: null,
      source,
      digest: null,
      state: "not locked",
    })),
  ];
}

/** @throws MoatError naming the first plugin that cannot be used */
export function requireUsable(plugins: readonly ListedPlugin[]): void {
  const bad = plugins.find(({ state }) => state !== "ok");
  if (bad === undefined) return;
  const states = {
    "not locked": "moat.lock does not have it",
    changed: "its installed files were changed",
  };
  const state = bad.state === "not locked" || bad.state === "changed"
    ? states[bad.state]
    : `it is ${bad.state} on this machine`;
  throw new MoatError(`Cannot verify plugin "${bad.id}": ${state}`, {
    hint: "moat plugin install",
  });
}

/** The list for people. */
export function renderPlugins(plugins: readonly ListedPlugin[]): string {
  if (plugins.length === 0) return "";
  const rows = plugins.map(({ id, kind, version, source, state }) =>
    [id, version ?? "", kind, source, state].map(printable)
  );
  return `${alignColumns([["NAME", "VERSION", "KIND", "SOURCE", "STATE"], ...rows]).join("\n")}\n`;
}

function describe(
  { id, kind, version, source, digest }: LockedPlugin,
  state: PluginState,
): ListedPlugin {
  return { id, kind, version: version ?? null, source, digest: digest ?? null, state };
}
