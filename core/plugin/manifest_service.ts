/**
 * The server that a manifest of the category `service` describes, and what it becomes with the
 * changes that a project makes to it. Pure.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { ReadyProbe, ServiceContribution, ServiceOverride } from "./contribution.ts";
import { fill, type PlaceholderValues } from "./placeholder.ts";

/**
 * The `service:` of a manifest. Words may hold placeholders, scripts may not. The password is in
 * `files`, and `{password}` and `{host}` are filled in when a run starts.
 */
export interface ManifestService {
  readonly image: string;
  /** Replaces the image's command. */
  readonly command?: readonly string[];
  /** Shell script, `sh -eu`, in place of the image's entry point; its arguments are the command. */
  readonly script?: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Variables that a project cannot set, as they are about the password or the data. */
  readonly reserved?: readonly string[];
  readonly files?: readonly ManifestServiceFile[];
  readonly ready: ReadyProbe;
  /** @default 120 */
  readonly ready_seconds?: number;
  /**
   * Variables of the run, `MOAT_<ID>_…`. Besides the usual placeholders: `{password}`, `{host}`,
   * `{env.NAME}`, a variable of the server, and `{url.NAME}`, the same as a part of an address.
   */
  readonly variables: Readonly<Record<string, string>>;
  readonly data?: {
    readonly directory: string;
    /** Shell script in place of `script` where the directory holds data of an earlier server. */
    readonly resume: string;
    /** @default false */
    readonly template?: boolean;
    /** Shell script inside that reads one file of a seed from its standard input. */
    readonly seed?: string;
  };
  /** Where models are kept, and the words that get one, of which `{model}` is replaced. */
  readonly models?: { readonly directory: string; readonly pull: readonly string[] };
  /** Without an engine: the host's own server. */
  readonly host?: ManifestHostServer;
}

/** A file of the server; its content may hold `{password}`. */
export interface ManifestServiceFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A server of the host. */
export interface ManifestHostServer {
  /** All are needed; the first one is the server and says its version. */
  readonly programs: readonly string[];
  /** Shell script that initialises `$DATA` where it is empty and becomes the server. */
  readonly script: string;
  /** Where they are besides PATH; `*` stands for any name. */
  readonly directories?: readonly string[];
  /** How to get it. */
  readonly hint?: string;
}

/** What is filled in, and what the project changes. */
export interface ContributeServiceOptions {
  readonly id: string;
  readonly values: PlaceholderValues;
  readonly override: Readonly<Record<string, ServiceOverride>> | undefined;
}

/** The service. @throws UsageError for a change that it does not take */
export function contributeService(
  service: ManifestService,
  { id, values, override: overrides }: ContributeServiceOptions,
): ServiceContribution {
  const override = overrides?.[id] ?? { env: {} };
  const { reserved = [], data, files = [], models: modelStore } = service;
  refuseReserved(id, { reserved, env: override.env });
  const text = (value: string) => fill(value, values);
  const own = Object.entries(service.env ?? {}).map(([key, value]) => [key, text(value)]);
  const env: Record<string, string> = { ...Object.fromEntries(own), ...override.env };
  const command = override.command ?? service.command?.map(text);
  if (service.script !== undefined) refuseShellText(id, override.command);
  const variables = Object.entries(service.variables)
    .map(([key, value]) => [key, fill(value, values, (name) => serviceValue(name, env))]);
  return {
    name: id,
    image: override.image ?? text(service.image),
    ...(service.script === undefined ? {} : { entrypoint: scriptCommand(service.script) }),
    ...(command === undefined ? {} : { command }),
    port: service.port,
    env,
    files,
    ready: service.ready,
    ...(service.ready_seconds === undefined
      ? {}
      : { readyTimeoutMs: service.ready_seconds * 1000 }),
    variables: Object.fromEntries(variables),
    ...(data === undefined ? {} : {
      data: {
        directory: data.directory,
        resume: [...scriptCommand(data.resume), ...(command ?? [])],
        template: data.template ?? false,
        ...(data.seed === undefined ? {} : { seed: { load: scriptCommand(data.seed) } }),
      },
    }),
    ...modelsOf(id, { store: modelStore, models: override.models ?? [] }),
    ...(service.host === undefined
      ? {}
      : { host: { programs: service.host.programs, script: service.host.script } }),
  };
}

/** Names that texts of `variables` may hold. */
export function isServicePlaceholder(name: string): boolean {
  return name === "password" || name === "host" || /^(?:env|url)\.\w+$/.test(name);
}

/** The variable of the server that a placeholder names. */
export function variableOf(placeholder: string): string | undefined {
  return /^(?:env|url)\.(\w+)$/.exec(placeholder)?.[1];
}

/** `{password}` and `{host}` stay as they are, for the step that knows them. */
function serviceValue(name: string, env: Readonly<Record<string, string>>): string | undefined {
  if (name === "password" || name === "host") return `{${name}}`;
  const variable = variableOf(name);
  if (variable === undefined) return undefined;
  const value = env[variable] ?? "";
  // A brace in a value is no placeholder of the step that comes.
  return name.startsWith("url.") ? encodePart(value) : value;
}

/** A part of an address, with everything in it that means something there. */
function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function scriptCommand(script: string): readonly string[] {
  return ["sh", "-euc", script, "moat"];
}

function refuseReserved(
  id: string,
  { reserved, env }: {
    readonly reserved: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  },
): void {
  const name = Object.keys(env).find((key) => reserved.includes(key));
  if (name === undefined) return;
  throw new UsageError(`Cannot set "${name}" of service "${id}": each run has its own`, {
    hint: `Take ${name} out of services.${id}.env; the run finds what it needs in MOAT_${
      id.toUpperCase().replaceAll("-", "_")
    }_…`,
  });
}

/** The script adds to the command's words, so that they must be the server's. */
function refuseShellText(id: string, command: readonly string[] | undefined): void {
  if (command?.[0] !== "sh" || command[1] !== "-c") return;
  throw new UsageError(
    `Cannot start service "${id}" with a shell's command: words are added to it`,
    {
      hint: `Write services.${id}.command as a list, such as [server, --option]`,
    },
  );
}

function modelsOf(
  id: string,
  { store, models }: {
    readonly store: ManifestService["models"];
    readonly models: readonly string[];
  },
): Pick<ServiceContribution, "mounts" | "afterReady"> {
  if (store === undefined) {
    if (models.length === 0) return {};
    throw new UsageError(`Cannot give models to service "${id}": it takes none`, {
      hint: `Take models: out of services.${id}`,
    });
  }
  const { directory, pull } = store;
  return {
    mounts: [{ kind: "volume", source: `moat-${id}`, target: directory, readOnly: false }],
    ...(models.length === 0 ? {} : {
      afterReady: models.map((model) =>
        pull.map((word) => word.replaceAll("{model}", () => model))
      ),
    }),
  };
}
