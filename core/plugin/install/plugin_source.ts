/**
 * Where a plugin comes from, as it is typed and as moat.yaml and moat.lock keep it.
 *
 * Pure; nothing is looked up.
 *
 * @module
 */

import { UsageError } from "../../errors.ts";
import { PACKAGE_GRAMMARS } from "../package_grammar.ts";

/** A parsed source: a name, or the place of a plugin that is not part of moat. */
export type PluginSource =
  /** An entry of `dependencies:`, such as `postgres@17`, or a plugin of an index. */
  | { readonly kind: "name"; readonly entry: string }
  | ThirdPartySource;

/** Where a plugin comes from that is not part of moat. */
export type ThirdPartySource =
  /** A plugin of one of the home's indexes; without a version the newest. */
  | { readonly kind: "index"; readonly name: string; readonly version?: string }
  /** A directory; the path as typed. */
  | { readonly kind: "directory"; readonly path: string }
  /** A `.tgz` or `.tar.gz`; the path as typed. */
  | { readonly kind: "archive"; readonly path: string }
  /** An npm package; without a version the newest. */
  | { readonly kind: "npm"; readonly name: string; readonly version?: string };

const NPM_VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;

/** Parses what was typed behind `moat plugin add`. @throws UsageError for what is none */
export function parsePluginSource(text: string): PluginSource {
  if (text.startsWith("npm:")) return parseNpm(text);
  if (/\.(?:tgz|tar\.gz)$/.test(text)) return { kind: "archive", path: text };
  if (/^(?:\.{0,2}\/|\.{1,2}$|~\/)/.test(text)) return { kind: "directory", path: text };
  if (/^[a-z][a-z0-9-]*(?::[a-z]+)?(?:@.+)?$/.test(text)) return { kind: "name", entry: text };
  throw new UsageError(
    `Cannot use plugin ${JSON.stringify(text)}: it is no plugin's name or place`,
    {
      hint:
        "Write a name as moat plugin search shows it, ./directory, file.tgz or npm:package@1.2.3",
    },
  );
}

/** The source of an entry under `plugins:`, where a name is one of an index. */
export function thirdPartySource(text: string): ThirdPartySource {
  const source = parsePluginSource(text);
  if (source.kind !== "name") return source;
  const [name = "", version] = source.entry.split("@");
  return { kind: "index", name, ...(version === undefined ? {} : { version }) };
}

/** The text that moat.yaml keeps under `plugins:`. */
export function formatPluginSource(source: ThirdPartySource): string {
  switch (source.kind) {
    case "index":
      return `${source.name}${source.version === undefined ? "" : `@${source.version}`}`;
    case "directory":
    case "archive":
      return source.path;
    case "npm":
      return `npm:${source.name}${source.version === undefined ? "" : `@${source.version}`}`;
  }
}

function parseNpm(text: string): PluginSource {
  const rest = text.slice("npm:".length);
  const at = rest.indexOf("@", 1);
  const name = at === -1 ? rest : rest.slice(0, at);
  const version = at === -1 ? undefined : rest.slice(at + 1);
  const isName = PACKAGE_GRAMMARS.npm.name.test(name);
  if (isName && (version === undefined || NPM_VERSION.test(version))) {
    return { kind: "npm", name, ...(version === undefined ? {} : { version }) };
  }
  throw new UsageError(`Cannot use plugin ${JSON.stringify(text)}: it is no npm package`, {
    hint: "Write it like npm:moat-plugin-example@1.2.3",
  });
}
