/**
 * The name of an image is its content: a hash over the Dockerfile and its context.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ContextFile } from "../plugin/runtime.ts";

/** SHA-256 over Dockerfile and context in hex; lengths are hashed too, so nothing can shift. */
export function imageDigest(
  dockerfile: string,
  files: Readonly<Record<string, ContextFile>>,
): string {
  const hash = createHash("sha256");
  const add = (text: string) => hash.update(`${text.length}:${text}\n`);
  add(dockerfile);
  for (const path of Object.keys(files).sort()) {
    const file = files[path];
    if (file === undefined) continue;
    add(path);
    add(file.mode.toString(8));
    add(file.content);
  }
  return hash.digest("hex");
}

/** `moat/run:` and 16 hex digits of the digest. */
export function imageTag(digest: string): string {
  return `moat/run:${digest.slice(0, 16)}`;
}
