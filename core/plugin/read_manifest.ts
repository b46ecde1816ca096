/**
 * Reads a `moat-plugin.yaml` of kind `dependency`; errors carry file, line and column.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { readYaml, type YamlFile, type YamlPath } from "../config/read_yaml.ts";
import { formatPath, validate } from "../config/validate.ts";
import type { Manifest } from "./manifest.ts";
import { type Placeholder, placeholdersOf } from "./placeholder.ts";

/** Versions stay as they are written: 1.10 is not 1.1. */
const VERBATIM = [
  ["versions", "default"],
  ["versions", "known", "*", "version"],
  ["contribution", "env", "*"],
  ["contribution", "layers", "*", "env", "*"],
];

/** The manifest, or `undefined` when there is no such file. @throws ConfigError */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  const yaml = await readYaml(file, { verbatim: VERBATIM });
  if (yaml === undefined) return undefined;
  const { MANIFEST_SCHEMA } = await import("./manifest_schema.ts");
  const manifest = validate(MANIFEST_SCHEMA, yaml);
  const problem = manifestProblem(manifest);
  if (problem !== undefined) throw problemError(problem, yaml);
  return manifest;
}

/** Something that no single key shows. */
export interface ManifestProblem {
  readonly path: YamlPath;
  readonly state: string;
  readonly hint: string;
}

/** What is wrong between the keys of a manifest whose keys are all right, or `undefined`. */
export function manifestProblem(manifest: Manifest): ManifestProblem | undefined {
  const { contribution, expands } = manifest;
  if (expands !== undefined && contribution !== undefined) {
    return {
      path: ["expands"],
      state: "an entry that stands for others adds nothing itself",
      hint: "Remove expands: or contribution:",
    };
  }
  for (const { path, text } of textsOf(contribution, ["contribution"])) {
    for (const name of placeholdersOf(text)) {
      const lacking = lackingFor(name, manifest);
      if (lacking !== undefined) {
        return {
          path,
          state: `{${name}} is not known without ${lacking}`,
          hint: `Add ${lacking}:`,
        };
      }
    }
  }
  return undefined;
}

function lackingFor(
  name: Placeholder,
  { versions, architectures }: Manifest,
): string | undefined {
  if (name === "vendor_arch" && architectures === undefined) return "architectures";
  if (name === "version" && versions?.default === undefined) return "versions.default";
  return undefined;
}

function textsOf(
  value: unknown,
  path: YamlPath,
): readonly { readonly path: YamlPath; readonly text: string }[] {
  if (typeof value === "string") return path.at(-1) === "script" ? [] : [{ path, text: value }];
  if (typeof value !== "object" || value === null || path.at(-2) === "files") return [];
  return Object.entries(value).flatMap(([key, item]) =>
    textsOf(item, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

function problemError({ path, state, hint }: ManifestProblem, yaml: YamlFile): ConfigError {
  return new ConfigError(yaml.positionOf(path), `Cannot read "${formatPath(path)}": ${state}`, {
    hint,
  });
}
