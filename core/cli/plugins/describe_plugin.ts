/**
 * `moat plugin info`: one plugin, part of moat or from elsewhere.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { createDependency } from "../../plugin/manifest.ts";
import type { PluginManifest } from "../../plugin/manifest_kinds.ts";
import { describeDependency, findDependency, renderDependency } from "../describe_dependency.ts";
import { alignColumns, printable } from "../table.ts";
import { mayDo } from "./accept_plugin.ts";
import { findProjectPlugin } from "./find_project_plugin.ts";

/** A description for programs and for people. */
export interface PluginDescription {
  readonly json: unknown;
  readonly text: string;
}

/** Describes the plugin of that name. @throws UsageError when there is none */
export async function describePlugin(name: string, context: Context): Promise<PluginDescription> {
  const manifest = await findProjectPlugin(name, context);
  if (manifest !== undefined && manifest.kind !== "dependency") return describeOther(manifest);
  const plugin = manifest === undefined
    ? findDependency(name, context.registry.list("dependency"))
    : createDependency(manifest);
  return { json: describeDependency(plugin), text: renderDependency(plugin) };
}

/** What is no dependency is described by its manifest. */
function describeOther(manifest: Exclude<PluginManifest, { readonly kind: "dependency" }>) {
  const { id, kind, version, summary, license, homepage } = manifest;
  const rows: (readonly [string, string | undefined])[] = [
    ["Plugin", `${id} ${version} (${kind}): ${summary}`],
    ["Licence", license],
    ["Homepage", homepage],
    ["May", mayDo(manifest)],
  ];
  const filled = rows.flatMap(([label, text]) => text === undefined ? [] : [[label, text]]);
  return {
    json: manifest,
    text: `${alignColumns(filled.map((row) => row.map(printable))).join("\n")}\n`,
  };
}
