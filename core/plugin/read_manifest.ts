/**
 * Reads a `moat-plugin.yaml`; errors carry file, line and column.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { parseYaml, readYaml, type YamlFile, type YamlPath } from "../config/read_yaml.ts";
import { formatPath, validate } from "../config/validate.ts";
import { CODE_CONTRACT, type Manifest } from "./manifest.ts";
import type { PluginManifest, ProviderManifest } from "./manifest_kinds.ts";
import { type ManifestService, variableOf } from "./manifest_service.ts";
import { type Placeholder, placeholdersOf } from "./placeholder.ts";

/** Versions stay as they are written: 1.10 is not 1.1. */
const VERBATIM = [
  ["version"],
  ["moat"],
  ["versions", "default"],
  ["versions", "known", "*", "version"],
  ["contribution", "env", "*"],
  ["contribution", "layers", "*", "env", "*"],
  ["service", "env", "*"],
  ["service", "variables", "*"],
];

/** Keys whose texts are no templates. */
const SCRIPTS = ["script", "resume", "seed"];

/** The manifest, or `undefined` when there is no such file. @throws ConfigError */
export async function readManifest(file: string): Promise<PluginManifest | undefined> {
  const yaml = await readYaml(file, { verbatim: VERBATIM });
  return yaml === undefined ? undefined : await checkManifest(yaml);
}

/** The manifest in a file's text; `file` is for messages. @throws ConfigError */
export async function parseManifest(file: string, text: string): Promise<PluginManifest> {
  return await checkManifest(await parseYaml(file, text, { verbatim: VERBATIM }));
}

async function checkManifest(yaml: YamlFile): Promise<PluginManifest> {
  const { schemaOfKind } = await import("./manifest_kinds_schema.ts");
  const manifest = validate(schemaOfKind(Object(yaml.value).kind), yaml);
  const problem = problemOf(manifest);
  if (problem !== undefined) throw problemError(problem, yaml);
  return manifest;
}

function problemOf(manifest: PluginManifest): ManifestProblem | undefined {
  if (manifest.kind === "runtime") return undefined;
  return manifest.kind === "provider" ? providerProblem(manifest) : manifestProblem(manifest);
}

/** What is wrong between the keys of a provider, or `undefined`. */
function providerProblem(
  { credential: { form }, hosts, validate }: ProviderManifest,
): ManifestProblem | undefined {
  if (form.length.min > form.length.max) {
    return {
      path: ["credential", "form", "length"],
      state: "no token can be so long",
      hint: "Write min: and then the larger max:",
    };
  }
  const host = validate === undefined ? undefined : new URL(validate.url).hostname;
  if (host === undefined || hosts.some((one) => one.host === host)) return undefined;
  return {
    path: ["validate", "url"],
    state: "the credential does not go to that host",
    hint: `Add ${host} under hosts:, or ask one of those`,
  };
}

/** Something that no single key shows. */
export interface ManifestProblem {
  readonly path: YamlPath;
  readonly state: string;
  readonly hint: string;
}

/** What is wrong between the keys of a manifest whose keys are all right, or `undefined`. */
export function manifestProblem(manifest: Manifest): ManifestProblem | undefined {
  const { contribution, expands, service } = manifest;
  if (expands !== undefined && contribution !== undefined) {
    return {
      path: ["expands"],
      state: "an entry that stands for others adds nothing itself",
      hint: "Remove expands: or contribution:",
    };
  }
  const ofCode = codeProblem(manifest);
  if (ofCode !== undefined) return ofCode;
  if ((manifest.category === "service") !== (service !== undefined)) {
    return {
      path: ["category"],
      state: service === undefined
        ? "what the service is is missing"
        : "a server is described, which only services have",
      hint: service === undefined ? "Add service:" : "Write category: service, or remove service:",
    };
  }
  const ofService = service === undefined ? undefined : serviceProblem(manifest.id, service);
  if (ofService !== undefined) return ofService;
  const texts = [
    ...textsOf(contribution, ["contribution"]),
    ...textsOf(service, ["service"]),
  ];
  for (const { path, text } of texts) {
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

/** What is wrong between the keys of a plugin that is code, or `undefined`. */
function codeProblem(
  { entry, contract, contribution, expands, permissions, service }: Manifest,
): ManifestProblem | undefined {
  if (entry === undefined) {
    if (permissions === undefined && contract === undefined) return undefined;
    return {
      path: [permissions === undefined ? "contract" : "permissions"],
      state: "without a module nothing of the plugin runs",
      hint: "Add entry:, or remove it",
    };
  }
  if (contract === undefined) {
    return {
      path: ["entry"],
      state: "the contract that the module is written for is missing",
      hint: `Add contract: ${CODE_CONTRACT}`,
    };
  }
  if (contribution !== undefined || expands !== undefined || service !== undefined) {
    return {
      path: ["entry"],
      state: "the module gives the contribution, the manifest has one too",
      hint: "Remove entry:, or contribution:, expands: and service:",
    };
  }
  return undefined;
}

/** What is wrong between the keys of a service, or `undefined`. */
function serviceProblem(id: string, service: ManifestService): ManifestProblem | undefined {
  const prefix = `MOAT_${id.toUpperCase().replaceAll("-", "_")}_`;
  for (const [name, text] of Object.entries(service.variables)) {
    const path = ["service", "variables", name];
    if (!name.startsWith(prefix)) {
      return {
        path,
        state: `variables of this service start with ${prefix}`,
        hint: `Write it as ${prefix}URL`,
      };
    }
    const unknown = [...text.matchAll(/\{((?:env|url)\.\w+)\}/g)]
      .map(([, placeholder = ""]) => variableOf(placeholder) ?? "")
      .find((variable) => service.env?.[variable] === undefined);
    if (unknown !== undefined) {
      return {
        path,
        state: `the server has no variable ${unknown}`,
        hint: `Give ${unknown} a value under service.env:`,
      };
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
  if (typeof value === "string") {
    return SCRIPTS.includes(String(path.at(-1))) ? [] : [{ path, text: value }];
  }
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
