/**
 * Reads what `seed:` of a service names, so that it can be planned with.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ConfigSeed } from "../../config/project_config.ts";
import type { ServiceSeed } from "../plan.ts";
import { openSeedFile } from "./open_seed_file.ts";

/** The seed with the digests of its files. @throws UsageError for a file that cannot be used */
export async function readSeed(
  seed: ConfigSeed,
  { project }: { readonly project: string },
): Promise<ServiceSeed> {
  if (seed.kind === "command") return seed;
  const files = await Promise.all(seed.files.map(async (path) => ({
    path,
    sha256: await digestOf(path, project),
  })));
  return { kind: "files", files };
}

async function digestOf(path: string, project: string): Promise<string> {
  using file = await openSeedFile(path, project);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(256 * 1024);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
