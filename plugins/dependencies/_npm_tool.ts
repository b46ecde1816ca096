/**
 * Tools from npm, as manifests: one row each.
 *
 * The package must be the very one that the catalogue pinned: its integrity is compared before npm
 * installs it and checks the download against the same value.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import pins from "./catalogue/npm.json" with { type: "json" };

/** A tool from npm. */
export interface NpmTool {
  readonly id: string;
  readonly package: keyof typeof pins;
  readonly summary: string;
  readonly category: Manifest["category"];
  readonly commands: readonly string[];
  /** Needed besides node. */
  readonly requires?: readonly string[];
  /** @default the newest in the catalogue */
  readonly version?: string;
  /** @default "npm" */
  readonly group?: "npm" | "binary";
}

/** Installs PACKAGE@VERSION for everybody, if it is the pinned one. */
export const NPM_INSTALL = `
if [ -n "$INTEGRITY" ]; then
  found=$(npm view "$PACKAGE@$VERSION" dist.integrity)
  [ "$found" = "$INTEGRITY" ] || {
    echo "moat: $PACKAGE@$VERSION is not what the catalogue pinned: $found" >&2; exit 1; }
fi
npm install --global --no-audit --no-fund --no-update-notifier "$PACKAGE@$VERSION"`;

/** npm's download cache of the build's user. */
export const NPM_CACHE = "/root/.npm";

/** The manifest of a row. */
export function npmToolManifest(tool: NpmTool): Manifest {
  const known = pins[tool.package];
  return {
    schema: 1,
    kind: "dependency",
    id: tool.id,
    summary: tool.summary,
    category: tool.category,
    origin: `npm package ${tool.package}`,
    requires: ["node", ...(tool.requires ?? [])],
    commands: tool.commands,
    versions: {
      default: tool.version ?? known[0]?.version ?? "latest",
      known,
      others: 3,
      channels: ["latest"],
    },
    host: { hint: `npm install --global ${tool.package}` },
    contribution: {
      layers: [{
        kind: "run",
        group: tool.group ?? "npm",
        script: NPM_INSTALL,
        env: { PACKAGE: tool.package, VERSION: "{version}", INTEGRITY: "{integrity}" },
        cache_mounts: [NPM_CACHE],
      }],
    },
  };
}

/** The plugin of a row. */
export function npmTool(tool: NpmTool): DependencyPlugin {
  return createDependency(npmToolManifest(tool));
}
