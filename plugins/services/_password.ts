/**
 * The file that services read their password from.
 *
 * @module
 */

import type { ManifestServiceFile } from "../../core/plugin/manifest_service.ts";

/** Readable for root alone: the scripts that start servers read it as root. */
export const PASSWORD_FILE = "/run/moat/password";

/** The file. */
export const PASSWORD: ManifestServiceFile = {
  path: PASSWORD_FILE,
  content: "{password}",
  mode: 0o600,
};
