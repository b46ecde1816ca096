/**
 * Secret variables of a run as a file in its container, which the init and every exec read: what the
 * engine is told about a container can be read back by everybody who may use the engine.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import type { CompanionFile, ContainerSpec } from "../plugin/runtime.ts";

/** Where the init looks for it: see init.sh. */
const PATH = "/.moat-env";

/** Names variables, separated by spaces, that are not to be taken from the file. */
const KEEP = "MOAT_KEEP";

/** Runs the command with the secret variables, under those that were set for it alone. */
export const WITH_SECRETS = `[ ! -r ${PATH} ] || . ${PATH}; unset ${KEEP}; exec "$@"`;

/** The file, readable by the run's user alone; none when there are no secrets. */
export function secretFiles(
  { name, secretEnv = {}, uid, gid }: ContainerSpec,
): readonly CompanionFile[] {
  const entries = Object.entries(secretEnv);
  if (entries.length === 0) return [];
  const lines = entries.map(([variable, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || value.includes("\0")) {
      throw new MoatError(
        `Cannot create container "${name}": "${variable}" cannot be a secret variable`,
      );
    }
    const quoted = value.replaceAll("'", `'\\''`);
    return `case " \${${KEEP}-} " in *" ${variable} "*) ;; *) export ${variable}='${quoted}' ;; esac\n`;
  });
  return [{ path: PATH, content: lines.join(""), mode: 0o600, uid, gid }];
}

/** What an exec is told, so that its own variables win. */
export function keptVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  return { [KEEP]: Object.keys(env).join(" ") };
}
