/**
 * A credential out of a variable of the host's environment, for hosts that no other provider knows.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { ProviderPlugin } from "../../core/plugin/contract.ts";

/** The `env` provider, written `env:NPM_TOKEN`. */
export const env: ProviderPlugin = {
  kind: "provider",
  id: "env",
  summary: "A variable of the host's environment",
  argument: { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, example: "NPM_TOKEN" },

  obtain({ text, argument = "" }, host) {
    const secret = host.variable(argument);
    if (secret !== undefined && secret !== "") return Promise.resolve({ secret });
    return Promise.reject(
      new MoatError(`Cannot obtain grant "${text}": the variable ${argument} is not set`, {
        hint: `Set ${argument} where moat is started`,
      }),
    );
  },

  use({ argument = "" }) {
    return { hosts: [], env: { [argument]: `moat-placeholder-${argument.toLowerCase()}` } };
  },
};
