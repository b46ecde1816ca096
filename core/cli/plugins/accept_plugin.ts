/**
 * Shows what a third-party plugin is and may do, and asks before anything of it is kept.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { MoatError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import type { FetchedPlugin } from "../../plugin/install/fetch_plugin.ts";
import { formatPluginSource } from "../../plugin/install/plugin_source.ts";
import type { Manifest } from "../../plugin/manifest.ts";
import { describePermissions } from "../../plugin/permissions.ts";
import type {
  PluginManifest,
  ProviderManifest,
  RuntimeManifest,
} from "../../plugin/manifest_kinds.ts";
import { isOwnName } from "../../plugin/own_name.ts";
import { canAsk, confirm } from "../ask.ts";
import { alignColumns, printable } from "../table.ts";

/** Options of {@linkcode acceptPlugin}. */
export interface AcceptPluginOptions {
  /** `--yes` was typed. */
  readonly yes: boolean;
  /** These exact files were accepted before. */
  readonly accepted: boolean;
  /** What it is an update of: where that might do something else, both are shown. */
  readonly before?: PluginManifest | undefined;
}

/** Returns when the user accepted it. @throws MoatError when not, or when nobody can be asked */
export async function acceptPlugin(
  plugin: FetchedPlugin,
  context: Pick<Context, "stdio" | "signal" | "registry">,
  { yes, accepted, before }: AcceptPluginOptions,
): Promise<void> {
  const { id, kind } = plugin.manifest;
  refuseTaken({ id, kind }, context);
  await context.stdio.error(describeFetched(plugin, { ...context, before }));
  if (accepted || yes) return;
  if (!canAsk(context.stdio)) {
    throw new MoatError(`Cannot add plugin "${id}": nobody can be asked whether to accept it`, {
      hint: "Read what it does; then: --yes",
    });
  }
  if (!await confirm("Add it?", context)) {
    throw new MoatError(`Cannot add plugin "${id}": you did not accept it`);
  }
}

function refuseTaken(
  { id, kind }: Pick<PluginManifest, "id" | "kind">,
  { registry }: Pick<Context, "registry">,
): void {
  if (!isOwnName(id, { kind, registry })) return;
  throw new MoatError(`Cannot add plugin "${id}": moat has a ${kind} of that name itself`, {
    hint: kind === "dependency"
      ? `moat plugin info ${id}`
      : `Give the plugin another id in its moat-plugin.yaml`,
  });
}

/** A few lines for people: what it is, where from, what it adds. */
function describeFetched(
  { manifest, source, digest, index }: FetchedPlugin,
  { registry, before }: Pick<Context, "registry"> & Pick<AcceptPluginOptions, "before">,
): string {
  const { id, version, kind, summary, license, homepage } = manifest;
  const lookalike = nearest(id, registry.list(kind).map((plugin) => plugin.id));
  const rows: (readonly [string, string])[] = [
    ["Plugin", `${id} ${version} (${kind}): ${summary}`],
    [
      "From",
      index === undefined
        ? formatPluginSource(source)
        : `${formatPluginSource(source)} of ${index}`,
    ],
    ["Digest", digest],
    ...(license === undefined ? [] : [["Licence", license] as const]),
    ...(homepage === undefined ? [] : [["Homepage", homepage] as const]),
    ["May", mayDo(manifest)],
    ...(before === undefined || mayDo(before) === mayDo(manifest)
      ? []
      : [["Before", mayDo(before)] as const]),
    ...(lookalike === undefined
      ? []
      : [["Beware", `its name looks like "${lookalike}", which is another one`] as const]),
  ];
  return `${alignColumns(rows.map(([label, text]) => [label, printable(text)])).join("\n")}\n`;
}

/** What the plugin may do, for whoever is asked to accept it. */
export function mayDo(manifest: PluginManifest): string {
  switch (manifest.kind) {
    case "dependency":
      return dependencyMayDo(manifest);
    case "runtime":
      return runtimeMayDo(manifest);
    case "provider":
      return providerMayDo(manifest);
  }
}

/** There is no sandbox around it: what it says of itself is all that can be shown. */
function runtimeMayDo({ permissions: { run = [], env = [] } = {} }: RuntimeManifest): string {
  return [
    "do whatever you may do: it is a program that runs on this machine outside of any sandbox",
    ...(run.length === 0 ? [] : [`says that it starts ${run.join(", ")}`]),
    ...(env.length === 0 ? [] : [`gets the variables ${env.join(", ")}`]),
    "isolates the runs that name it, and sees their secrets",
  ].join("; ");
}

/** No grant reaches a run yet. */
function providerMayDo({ credential, hosts }: ProviderManifest): string {
  return [
    `read the credential in ${credential.variables.join(" or ")}`,
    `have it sent to ${hosts.map(({ host }) => host).join(", ") || "no host"}`,
    "nothing of it runs on this machine",
  ].join("; ");
}

/** A declarative plugin runs nothing on the host: it may only change the image. */
function dependencyMayDo({ contribution, entry, permissions }: Manifest): string {
  if (entry !== undefined) {
    // A module's answers are not known beforehand.
    return [
      "add to the image of runs that name it, also commands as root while it is built",
      ...describePermissions(permissions),
    ].join("; ");
  }
  const layers = contribution?.layers ?? [];
  const asRoot = layers.some((layer) =>
    (layer.kind === "run" || layer.kind === "exec") && layer.as !== "user"
  );
  const downloads = layers.some(({ kind }) => kind === "download");
  return [
    "add to the image of runs that name it; nothing runs on this machine itself",
    ...(asRoot ? ["runs commands as root while the image is built"] : []),
    ...(downloads ? ["downloads programs into the image"] : []),
  ].join("; ");
}
