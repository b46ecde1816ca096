/**
 * Hosts that a run's programs reach directly, whatever proxy they are set up with.
 *
 * @module
 */

import type { EnvValue } from "./request.ts";

/** The usual spelling and the one that curl and others read first. */
const NAMES = ["NO_PROXY", "no_proxy"] as const;

/** `env` with the hosts added to both variables; what the user wrote stays in front. Pure. */
export function withoutProxy(
  env: Readonly<Record<string, EnvValue>>,
  hosts: readonly string[],
): Record<string, EnvValue> {
  const all = { ...env };
  if (hosts.length === 0) return all;
  for (const [name, other] of [NAMES, NAMES.toReversed()]) {
    if (name === undefined || other === undefined) continue;
    const written = env[name] ?? env[other] ?? { kind: "text", text: "" };
    // What a secret holds is not known here.
    if (written.kind !== "text") continue;
    const listed = written.text.split(",").map((host) => host.trim()).filter((host) => host !== "");
    all[name] = { kind: "text", text: [...new Set([...listed, ...hosts])].join(",") };
  }
  return all;
}
