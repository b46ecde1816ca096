/**
 * How a service of the host's own server is run in a sandbox beside the run.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import type { ServiceContribution } from "../plugin/contribution.ts";
import type { CompanionPlan } from "./plan.ts";

/** The part of a companion's plan that says what it is made of. */
export type HostServiceSpec = Pick<
  CompanionPlan,
  "command" | "env" | "files" | "mounts" | "toolPaths"
>;

/** A private directory that goes with the run. */
const DATA = "/var/lib/moat";
const PASSWORD_FILE = "/run/moat/password";

/** The plan's part for the service. @throws MoatError when the service has no server on hosts */
export function hostServiceSpec(
  { name, port, env, host }: ServiceContribution,
  tools: { readonly paths: readonly string[]; readonly bin: readonly string[] } = {
    paths: [],
    bin: [],
  },
): HostServiceSpec {
  if (host === undefined) {
    throw new MoatError(`Cannot run service "${name}" without an engine: it is an image alone`, {
      hint: "moat run --runtime docker",
    });
  }
  const path = [...tools.bin, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
  return {
    command: ["/bin/sh", "-euc", host.script],
    env: { ...env, PATH: path.join(":"), DATA, PORT: String(port), PASSWORD_FILE },
    files: [{ path: PASSWORD_FILE, content: "{password}", mode: 0o600 }],
    mounts: [{ kind: "volume", source: "", target: DATA, readOnly: false }],
    toolPaths: tools.paths,
  };
}
