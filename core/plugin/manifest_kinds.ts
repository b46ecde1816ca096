/**
 * Manifests of all kinds. What a dependency is as data has a file of its own, `manifest.ts`.
 *
 * @module
 */

import type { Manifest } from "./manifest.ts";
import type { CredentialUse } from "./contract.ts";
import type { ManifestPermissions } from "./permissions.ts";
import type { RUNTIME_PROTOCOL } from "./executable/runtime_protocol.ts";

/** What manifests of every kind say. */
type Described = Pick<
  Manifest,
  "schema" | "id" | "version" | "summary" | "license" | "homepage" | "moat"
>;

/** A manifest of kind `runtime`: an executable that moat starts. */
export interface RuntimeManifest extends Described {
  readonly kind: "runtime";
  /** The executable's path in the plugin. */
  readonly entry: string;
  /** The version of the protocol that it speaks. */
  readonly contract: typeof RUNTIME_PROTOCOL;
  readonly permissions?: RuntimePermissions;
}

/**
 * What the executable is said to need. Only `env` is enforced: it drives an engine, so there is no
 * sandbox around it.
 */
export type RuntimePermissions = Pick<ManifestPermissions, "run" | "env">;

/** A manifest of kind `provider`: where a token comes from and where it goes. */
export interface ProviderManifest extends Described {
  readonly kind: "provider";
  /** Nothing of it is code. */
  readonly entry?: never;
  readonly permissions?: never;
  readonly credential: CredentialSource;
  readonly hosts: CredentialUse["hosts"];
  readonly env: CredentialUse["env"];
  readonly validate?: NonNullable<CredentialUse["validate"]>;
}

/** Where a token is found, and what it looks like. */
export interface CredentialSource {
  /** Variables of the host's environment, the first that is set counts. */
  readonly variables: readonly [string, ...string[]];
  readonly form: CredentialForm;
}

/** The form of a token. A pattern of a stranger's could take for ever. */
export interface CredentialForm {
  readonly prefix?: string;
  /** What follows the prefix. */
  readonly characters: keyof typeof CREDENTIAL_CHARACTERS;
  /** How many of them. */
  readonly length: { readonly min: number; readonly max: number };
}

/** The characters of tokens, as classes of a regular expression. */
export const CREDENTIAL_CHARACTERS = {
  hex: "[0-9a-fA-F]",
  alphanumeric: "[0-9A-Za-z]",
  word: "[0-9A-Za-z_-]",
  base64: "[0-9A-Za-z+/=]",
} as const;

/** A manifest of any kind. */
export type PluginManifest = Manifest | RuntimeManifest | ProviderManifest;

/** Kinds of plugins that can come from elsewhere. */
export type PluginKind = PluginManifest["kind"];

/** All of them. */
export const PLUGIN_KINDS = ["dependency", "runtime", "provider"] as const satisfies PluginKind[];
