/**
 * A provider as data: a token out of the environment, its form, and where it goes.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import type { CredentialUse, ProviderPlugin } from "./contract.ts";
import {
  CREDENTIAL_CHARACTERS,
  type CredentialForm,
  type ProviderManifest,
} from "./manifest_kinds.ts";

/** What describes a provider whose credential is one token. */
export interface ProviderData extends CredentialUse {
  readonly id: string;
  readonly summary: string;
  /** Variables of the host's environment, the first that is set counts. */
  readonly variables: readonly string[];
  /** Every credential of this provider has this form. */
  readonly form: RegExp;
}

/** The plugin that the data describes. */
export function createProvider(data: ProviderData): ProviderPlugin {
  const { id, summary, variables, form, hosts, env, validate } = data;
  return {
    kind: "provider",
    id,
    summary,
    obtain({ text }, host) {
      const name = variables.find((variable) => host.variable(variable));
      const secret = name === undefined ? undefined : host.variable(name);
      if (secret === undefined) {
        const list = variables.join(" and ");
        return Promise.reject(
          new MoatError(`Cannot obtain grant "${text}": ${list} are not set`, {
            hint: `Set ${variables[0]} where moat is started`,
          }),
        );
      }
      if (form.test(secret)) return Promise.resolve({ secret });
      return Promise.reject(
        new MoatError(
          `Cannot obtain grant "${text}": the value of ${name} has not the form of a token`,
          {
            hint: `Look at ${name} where moat is started`,
          },
        ),
      );
    },
    use: () => ({ hosts, env, ...(validate === undefined ? {} : { validate }) }),
  };
}

/** The provider that a manifest describes. */
export function createManifestProvider(manifest: ProviderManifest): ProviderPlugin {
  const { id, summary, credential, hosts, env, validate } = manifest;
  return createProvider({
    id,
    summary,
    variables: credential.variables,
    form: credentialPattern(credential.form),
    hosts,
    env,
    ...(validate === undefined ? {} : { validate }),
  });
}

/** What every token of that form matches. Pure. */
export function credentialPattern({ prefix = "", characters, length }: CredentialForm): RegExp {
  const start = prefix.replaceAll(/[.+/=-]/g, "\\$&");
  return new RegExp(`^${start}${CREDENTIAL_CHARACTERS[characters]}{${length.min},${length.max}}$`);
}
