/**
 * Programs out of Go modules, as manifests: one row each.
 *
 * Go checks every module against the public checksum database; a pinned one must also have the
 * catalogue's sum.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import type { Pin } from "../../core/plugin/contribution.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import pins from "./catalogue/go.json" with { type: "json" };

/** A program out of a Go module. */
export interface GoTool {
  readonly id: string;
  readonly summary: string;
  readonly module: string;
  /** Path of the program below the module. @default "" */
  readonly program?: string;
  /** Needed besides go. */
  readonly requires?: readonly string[];
  /** @default the newest in the catalogue */
  readonly version?: string;
  /** @default ["version"] */
  readonly versionArgs?: readonly string[];
}

const INSTALL = `
if [ -n "$SUM" ]; then
  found=$(go mod download -json "$MODULE@$VERSION" | sed -n 's/^.*"Sum": "\\(.*\\)".*$/\\1/p')
  [ "$found" = "$SUM" ] || {
    echo "moat: $MODULE@$VERSION is not what the catalogue pinned: $found" >&2; exit 1; }
fi
go install "$MODULE$PROGRAM@$VERSION"`;

/** The manifest of a row. */
export function goToolManifest(tool: GoTool): Manifest {
  const { id, summary, module, program = "", requires = [], versionArgs = ["version"] } = tool;
  const all: Readonly<Record<string, readonly Pin[]>> = pins;
  const known = all[module] ?? [];
  const newest = known[0]?.version;
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary,
    category: "tool",
    origin: `Go module ${module}`,
    requires: ["go", ...requires],
    commands: [id],
    versions: {
      default: tool.version ?? newest ?? "latest",
      known,
      others: 3,
      ...(newest === undefined ? { channels: ["latest"] } : {}),
    },
    host: { hint: `go install ${module}${program}@latest`, version_args: versionArgs },
    contribution: {
      layers: [{
        kind: "run",
        group: "go",
        script: INSTALL,
        env: {
          GOBIN: "/usr/local/bin",
          GOPATH: "/go",
          MODULE: module,
          PROGRAM: program,
          SUM: "{integrity}",
          VERSION: newest === undefined ? "{version}" : "v{version}",
        },
        cache_mounts: ["/root/.cache/go-build", "/go/pkg/mod"],
      }],
    },
  };
}

/** The plugin of a row. */
export function goTool(tool: GoTool): DependencyPlugin {
  return createDependency(goToolManifest(tool));
}
