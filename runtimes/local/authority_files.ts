/**
 * Files of an authority that programs in a sandbox are to trust: it alone, and with all that this
 * machine trusts.
 *
 * @module
 */

import { join } from "node:path";
import type { TrustedAuthority } from "../../core/plugin/runtime.ts";

/** Where they are shown. */
export const AUTHORITY_FILES = {
  file: "/.moat-router-ca.crt",
  bundle: "/.moat-ca-bundle.crt",
} as const;

/** Where systems keep theirs; the first that is there counts. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/** A file of the sandbox's directory, and the path where it is shown. */
export interface ShownFile {
  readonly source: string;
  readonly target: string;
}

/** The files of the authority; none without one. Pure. */
export function authorityFiles(
  authority: Omit<TrustedAuthority, "certificate"> | undefined,
  directory: string,
): readonly ShownFile[] {
  if (authority === undefined) return [];
  const { file, bundle } = authority;
  return [
    { source: join(directory, "etc", "router-ca.crt"), target: file },
    ...(bundle === undefined
      ? []
      : [{ source: join(directory, "etc", "ca-bundle.crt"), target: bundle }]),
  ];
}

/** Writes them. */
export async function writeAuthorityFiles(
  authority: TrustedAuthority | undefined,
  directory: string,
): Promise<void> {
  for (const { source, target } of authorityFiles(authority, directory)) {
    const system = target === authority?.bundle ? `${await readBundle()}\n` : "";
    await Deno.writeTextFile(source, `${system}${authority?.certificate}`);
    await Deno.chmod(source, 0o644);
  }
}

async function readBundle(): Promise<string> {
  for (const path of BUNDLES) {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return "";
}
