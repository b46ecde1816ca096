/**
 * How programs of a run come to trust the router's certificates. Pure.
 *
 * @module
 */

import type { Mount, RuntimeFacts } from "../plugin/runtime.ts";
import type { RunPlan } from "./plan.ts";
import type { EnvValue, RunRequest } from "./request.ts";

/** Programs that take one file with all authorities in place of their own list. */
const BUNDLE_VARIABLES = ["GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
/** Programs that add a file's authorities to their own list. */
const FILE_VARIABLES = ["DENO_CERT", "NODE_EXTRA_CA_CERTS"];
/** Where a system keeps what its administrator adds. */
const ADDED = "/usr/local/share/ca-certificates/moat-router.crt";

/** Variables that the user set are left out; nothing where nothing is reached. */
export function planAuthority(
  { endpoints, config }: Pick<RunRequest, "endpoints" | "config">,
  { facts, mounts, env }: {
    readonly facts: Pick<RuntimeFacts, "authorityFiles">;
    readonly mounts: readonly Mount[];
    readonly env: Readonly<Record<string, EnvValue>>;
  },
): RunPlan["container"]["authority"] {
  const reached = endpoints.length + config.network.reach.length;
  if (reached === 0 || facts.authorityFiles === undefined) return undefined;
  const { file, bundle } = facts.authorityFiles;
  // What is mounted is not the run's own: nothing may be added there.
  const hasBundle = !mounts.some(({ target }) =>
    [bundle, ADDED].some((path) => `${path}/`.startsWith(`${target.replace(/\/+$/, "")}/`))
  );
  const paths: Record<string, string> = {};
  for (const name of FILE_VARIABLES) paths[name] = file;
  if (hasBundle) {
    for (const name of BUNDLE_VARIABLES) paths[name] = bundle;
    // Node.js then has to know the host's authorities, too.
    if (config.trustHostCa) paths.NODE_EXTRA_CA_CERTS = bundle;
  }
  return {
    file,
    ...(hasBundle ? { bundle } : {}),
    env: Object.fromEntries(
      Object.entries(paths).filter(([name]) => env[name] === undefined).sort(),
    ),
  };
}
