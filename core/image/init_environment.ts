/**
 * What the init of a container is told: its own text and the rest in variables, whatever engine
 * makes the container.
 *
 * @module
 */

import { posix } from "node:path";
import type { ContainerSpec } from "../plugin/runtime.ts";

/** The home of the run's user inside. */
export const RUN_HOME = "/home/moatuser";

/** Starts the init, as root, before the command's own words. */
export const INIT_COMMAND = ["/bin/sh", "-c", 'eval "$MOAT_INIT"', "moat-init"] as const;

/** The variables of a container whose first process is the init; what that reads comes last. Pure. */
export function initEnvironment(
  spec: ContainerSpec,
  init: string,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = {
    HOME: RUN_HOME,
    USER: spec.uid === 0 ? "root" : "moatuser",
    ...spec.authority?.env,
    ...spec.env,
    MOAT_UID: String(spec.uid),
    MOAT_GID: String(spec.gid),
    MOAT_WORKDIR: spec.workdir,
    MOAT_INIT: init,
  };
  if (spec.groups.length > 0) env.MOAT_GROUPS = spec.groups.join(" ");
  const own = ownedDirectories(spec);
  if (own.length > 0) env.MOAT_OWN = own.join("\n");
  if (spec.preRun !== undefined) env.MOAT_PRE_RUN = spec.preRun;
  if (spec.authority !== undefined) {
    const { certificate, file, bundle = "" } = spec.authority;
    Object.assign(env, { MOAT_CA: certificate, MOAT_CA_FILE: file, MOAT_CA_BUNDLE: bundle });
  }
  return env;
}

/** Where the init puts an authority: alone, and added to the bundle of Debian systems. */
export const AUTHORITY_FILES = {
  file: "/.moat-router-ca.crt",
  bundle: "/etc/ssl/certs/ca-certificates.crt",
} as const;

/** Variables that only the init needs; an exec is not to see them. */
export const INIT_VARIABLES = [
  "MOAT_INIT",
  "MOAT_CA",
  "MOAT_CA_FILE",
  "MOAT_CA_BUNDLE",
  "MOAT_GROUPS",
  "MOAT_OWN",
  "MOAT_PRE_RUN",
  "MOAT_WORKDIR",
] as const;

/**
 * Directories that the engine makes for root though they are the user's: writable volumes, and what
 * lies between the home and a mount in it.
 */
function ownedDirectories({ mounts, uid }: ContainerSpec): readonly string[] {
  if (uid === 0) return [];
  const own = new Set<string>();
  for (const { kind, source, target, readOnly } of mounts) {
    if (kind === "volume" && source !== "" && !readOnly) own.add(target);
    let above = posix.dirname(posix.normalize(target));
    for (; above.startsWith(`${RUN_HOME}/`); above = posix.dirname(above)) own.add(above);
  }
  for (const { kind, target } of mounts) if (kind === "bind") own.delete(target);
  return [...own];
}
