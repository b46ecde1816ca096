/**
 * The contract of providers as checks that a plugin from elsewhere is put through, with a token made
 * up after the form that its manifest gives.
 *
 * @module
 */

import { check, type PluginCheck } from "./check_plugin.ts";
import type { Plugin } from "./contract.ts";
import { lookAlike } from "./look_alike.ts";
import { type CredentialForm, type ProviderManifest } from "./manifest_kinds.ts";
import { createManifestProvider, credentialPattern } from "./provider.ts";
import { PROVIDER_REQUIREMENTS } from "./provider_contract.ts";
import type { Registry } from "./registry.ts";

/** Runs all checks of one provider among `others`. Never throws for what it does. */
export async function checkProvider(
  manifest: ProviderManifest,
  others: Registry<Plugin>,
): Promise<readonly PluginCheck[]> {
  const { id, credential: { variables: [variable], form } } = manifest;
  const provider = createManifestProvider(manifest);
  const subject = {
    provider,
    grant: { text: id },
    variables: { [variable]: sampleToken(form) },
  };
  return [
    await check("has a name that is nobody else's", () => {
      const names = others.list("provider").map((other) => other.id);
      const other = names.includes(id) ? id : lookAlike(id, names);
      if (other !== undefined) throw new Error(`it looks like "${other}", which is part of moat`);
    }),
    await check("shows the run placeholders that its clients take for a token", () => {
      const pattern = credentialPattern(form);
      const shown = Object.entries(provider.use({ text: id }).env);
      if (shown.some(([, value]) => pattern.test(value))) return;
      throw new Error("none of its placeholders has the form of a token");
    }),
    ...await Promise.all(
      PROVIDER_REQUIREMENTS.map(({ title, check: requirement }) =>
        check(title, () => requirement(subject))
      ),
    ),
  ];
}

/** A token of the form that nobody has: not a placeholder, which repeats one character. */
function sampleToken({ prefix = "", length }: CredentialForm): string {
  return `${prefix}${"a1B2c3D4e5F6".repeat(Math.ceil(length.min / 12)).slice(0, length.min)}`;
}
