/**
 * The digest under which a project's accepted settings are kept.
 *
 * Keys and values count, the wording of effects and the order do not: a new release, or a moved
 * line, must not ask again.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { TrustedSetting } from "../run/plan.ts";
import { canonicalJson } from "./canonical_json.ts";

/** SHA-256 in hex, or `""` for no settings. */
export function trustDigest(settings: readonly TrustedSetting[]): string {
  if (settings.length === 0) return "";
  const lines = settings.map(({ key, value }) => canonicalJson([key, value]));
  const text = [...new Set(lines)].toSorted().join("\n");
  return createHash("sha256").update(text).digest("hex");
}
