/**
 * The shape of `permissions:`, in manifests, indexes and moat.lock.
 *
 * @module
 */

import * as v from "valibot";
import { listOf, matching, variable } from "./manifest_words.ts";
import type { ManifestPermissions } from "./permissions.ts";

/**
 * What of a plugin's sandbox is moat's own, what the kernel makes, and where servers of this machine
 * listen: whoever sees a socket can talk to its server.
 */
const NOT_SHOWN = String.raw`proc|dev|sys|run|var/run|plugin|moat|cache|programs|\.moat`;

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/** A full name, or an IPv4 address as it is usually written; nothing that means this machine. */
const SERVER = new RegExp(
  String.raw`^(?!localhost\b|127\.)(?:(?:${LABEL}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|` +
    String.raw`(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2}))(?::[1-9][0-9]{0,4})?$`,
);

/** The schema; what it accepts are {@linkcode ManifestPermissions}. */
export const PERMISSIONS_SCHEMA: v.GenericSchema<unknown, ManifestPermissions> = v.strictObject({
  read: v.exactOptional(
    listOf(
      matching(
        new RegExp(
          String.raw`^(?!.*\.\.)(?!.*/\.(?:/|$))(?!/(?:${NOT_SHOWN})(?:/|$))(?:/[\w.+@-]+)+$`,
        ),
        "is not a path that can be shown",
        "Write an absolute path, like /etc/os-release",
      ),
    ),
  ),
  write: v.exactOptional(
    listOf(
      v.literal("cache", "is not a place that a plugin may write\nWrite cache, and use /cache"),
    ),
  ),
  net: v.exactOptional(
    listOf(
      matching(
        SERVER,
        "is not a server",
        "Write its full name in small letters, with a port that is not 443: api.example.org:8443",
      ),
    ),
  ),
  run: v.exactOptional(
    listOf(
      matching(
        /^[A-Za-z0-9][\w.+-]*$/,
        "is not a program",
        "Write its name without a path, like git",
      ),
    ),
  ),
  env: v.exactOptional(listOf(variable)),
});
