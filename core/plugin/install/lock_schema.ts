/**
 * The shape of moat.lock.
 *
 * @module
 */

import * as v from "valibot";
import { PLUGIN_KINDS } from "../manifest_kinds.ts";
import { PERMISSIONS_SCHEMA } from "../permissions_schema.ts";

const filled = v.pipe(
  v.string("is not text\nPut it into quotes"),
  v.minLength(1, "is empty\nRun moat plugin install"),
);
const digest = v.pipe(
  filled,
  v.regex(/^sha256:[0-9a-f]{64}$/, "is not a digest\nWrite sha256: and 64 hex digits"),
);

/** What it accepts are plugins by id. */
export const LOCK_SCHEMA = v.strictObject({
  lock: v.literal(1, "is not a version that this moat knows\nUpdate moat"),
  plugins: v.record(
    v.pipe(
      v.string(),
      v.regex(/^[a-z][a-z0-9-]*:?$/, "is not a plugin's name\nUse a-z, 0-9 and -"),
    ),
    v.strictObject({
      kind: v.picklist(PLUGIN_KINDS, "is not a kind of plugin\nRun moat plugin install"),
      version: v.exactOptional(filled),
      source: filled,
      digest: v.exactOptional(digest),
      permissions: v.exactOptional(PERMISSIONS_SCHEMA),
      previous: v.exactOptional(v.strictObject({
        version: v.exactOptional(filled),
        source: filled,
        digest,
        permissions: v.exactOptional(PERMISSIONS_SCHEMA),
      })),
    }),
    "is not a map\nWrite a plugin's name, and source: below it",
  ),
});
