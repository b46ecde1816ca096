/**
 * Tools from Debian, as manifests: one row each. Debian's archive signs what it serves.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

/** A tool from Debian. */
export interface AptTool {
  readonly id: string;
  readonly summary: string;
  /** @default [id] */
  readonly packages?: readonly string[];
  /** @default [id] */
  readonly commands?: readonly string[];
}

/** The manifest of a row. */
export function aptToolManifest(
  { id, summary, packages = [id], commands = [id] }: AptTool,
): Manifest {
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary,
    category: "tool",
    origin: `Debian package ${packages.join(", ")}`,
    commands,
    host: { hint: `apt-get install ${packages.join(" ")}` },
    contribution: { apt: packages },
  };
}

/** The plugin of a row. */
export function aptTool(tool: AptTool): DependencyPlugin {
  return createDependency(aptToolManifest(tool));
}
