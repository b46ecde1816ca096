/**
 * The router's certificate authority as others need it: made where there is none, else only read.
 *
 * Reading loads no library, as every start of a run with endpoints waits for it.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { RouterAuthority } from "../../core/plugin/router.ts";
import { AUTHORITY_SPARE_MS, CERTIFICATE_FILE, FILE, openAuthority } from "./authority.ts";

/** Returns the directory's authority; makes it when there is none or it nearly ended. @throws MoatError */
export async function ensureAuthority(directory: string): Promise<RouterAuthority> {
  return await findAuthority(directory) ?? await openAuthority(directory);
}

/** `undefined` whenever there is more to do than reading. */
async function findAuthority(directory: string): Promise<RouterAuthority | undefined> {
  const file = join(directory, CERTIFICATE_FILE);
  try {
    const [both, certificate] = await Promise.all(
      [join(directory, FILE), file].map((path) => Deno.readTextFile(path)),
    );
    if (both === undefined || certificate === undefined || !both.startsWith(certificate)) {
      return undefined;
    }
    const endsAt = Date.parse(new X509Certificate(certificate).validTo);
    return endsAt - AUTHORITY_SPARE_MS > Date.now() ? { certificate, file } : undefined;
  } catch (error) {
    // What is wrong with it is said by whoever opens it.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
