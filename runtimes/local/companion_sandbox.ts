/**
 * A service of the host's own server as a sandbox: what it is made of, and its files.
 *
 * It shares with its run the network namespace alone. Its command runs as user 1000 inside, who is
 * moat's own user outside: servers refuse to run as root.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import type { CompanionSpec, ContainerSpec } from "../../core/plugin/runtime.ts";
import type { CompanionLayout } from "./sandbox_layout.ts";
import type { SandboxPaths } from "./sandbox_state.ts";

/** Inside. */
export const COMPANION_USER = { uid: 1000, gid: 1000 } as const;

/** Its sandbox. @throws MoatError for what only engines have */
export function companionSandbox(spec: CompanionSpec): ContainerSpec {
  const { name, command, network, privileged } = spec;
  if (spec.image !== undefined || spec.entrypoint !== undefined || command === undefined) {
    throw new MoatError(`Cannot create sandbox "${name}": this runtime has no images`);
  }
  if (privileged) {
    throw new MoatError(`Cannot create sandbox "${name}": nothing is privileged on this runtime`);
  }
  return {
    name,
    runId: spec.runId,
    labels: spec.labels,
    image: undefined,
    isolation: "namespaces",
    command,
    workdir: "/",
    env: spec.env,
    hostname: spec.hostname,
    mounts: spec.mounts,
    network: { kind: "own", name: network.name },
    dns: spec.dns,
    hosts: spec.hosts,
    ...COMPANION_USER,
    toolPaths: spec.toolPaths,
    groups: [],
    privileged: false,
    limits: spec.limits,
    tty: false,
    stdin: false,
    detached: true,
  };
}

/** Puts its files into its directory, in the order of the spec. */
export async function writeCompanionFiles(
  { files }: CompanionSpec,
  paths: SandboxPaths,
): Promise<void> {
  await Deno.mkdir(directoryOf(paths), { mode: 0o700 });
  for (const [index, { content, mode }] of files.entries()) {
    const path = join(directoryOf(paths), String(index));
    await Deno.writeTextFile(path, content, { mode: 0o600 });
    await Deno.chmod(path, mode);
  }
}

/** Where they are shown inside, read-only. */
export function companionLayout({ files }: CompanionSpec, paths: SandboxPaths): CompanionLayout {
  return {
    files: files.map(({ path }, index) => ({
      source: join(directoryOf(paths), String(index)),
      target: path,
    })),
  };
}

function directoryOf({ directory }: SandboxPaths): string {
  return join(directory, "files");
}
