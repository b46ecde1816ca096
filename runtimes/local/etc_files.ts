/**
 * The files of /etc that are made for the run.
 *
 * @module
 */

import type { ContainerSpec } from "../../core/plugin/runtime.ts";

/** Their names. */
export const GENERATED_ETC = [
  "passwd",
  "group",
  "hosts",
  "hostname",
  "resolv.conf",
] as const;

/** Their texts; resolv.conf is completed once the network is known. Pure. */
export function etcFiles(
  spec: Pick<ContainerSpec, "uid" | "gid" | "hostname" | "hosts">,
  { shell, home }: { readonly shell: string; readonly home: string },
): Readonly<Record<typeof GENERATED_ETC[number], string>> {
  const { uid, gid, hostname } = spec;
  const others = [
    ...(uid === 0 ? [] : ["root:x:0:0:root:/root:/bin/sh"]),
    ...(uid === 65534 ? [] : ["nobody:x:65534:65534:nobody:/nonexistent:/bin/false"]),
  ];
  const groups = [
    ...(gid === 0 ? [] : ["root:x:0:"]),
    ...(gid === 65534 ? [] : ["nogroup:x:65534:"]),
  ];
  const user = `moatuser:x:${uid}:${gid}:moatuser:${home}:${shell}`;
  // Root's own name comes first where the command runs as 0: programs look for it.
  const first = uid === 0 ? [`root:x:0:${gid}:root:${home}:${shell}`, user] : [user];
  const firstGroups = gid === 0 ? ["root:x:0:", "moatuser:x:0:"] : [`moatuser:x:${gid}:`];
  return {
    passwd: lines([...first, ...others]),
    group: lines([...firstGroups, ...groups]),
    hosts: lines([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      `127.0.1.1\t${hostname}`,
      ...spec.hosts.map(({ address, name }) => `${address}\t${name}`),
    ]),
    hostname: `${hostname}\n`,
    "resolv.conf": "",
  };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
