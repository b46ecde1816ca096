/**
 * Python programs, each in an environment of its own made by uv: one row each.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import pins from "./catalogue/python.json" with { type: "json" };

/** A program from Python's package index. */
export interface PythonTool {
  readonly id: Exclude<keyof typeof pins, "uv">;
  readonly summary: string;
}

/** Where uv puts programs, readable by every user. */
export const UV_ENV: Readonly<Record<string, string>> = {
  UV_LINK_MODE: "copy",
  UV_PYTHON_INSTALL_DIR: "/opt/python",
  UV_TOOL_BIN_DIR: "/usr/local/bin",
  UV_TOOL_DIR: "/opt/uv",
};

/** The manifest of a row. */
export function pythonToolManifest({ id, summary }: PythonTool): Manifest {
  const known = pins[id];
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary,
    category: "tool",
    origin: `Python package ${id}`,
    requires: ["uv"],
    commands: [id],
    versions: { default: known[0]?.version ?? "", known, others: 3 },
    host: { hint: `uv tool install ${id}` },
    contribution: {
      layers: [{
        kind: "exec",
        group: "custom",
        command: ["uv", "tool", "install", `${id}=={version}`],
        env: UV_ENV,
        cache_mounts: ["/root/.cache/uv"],
      }],
    },
  };
}

/** The plugin of a row. */
export function pythonTool(tool: PythonTool): DependencyPlugin {
  return createDependency(pythonToolManifest(tool));
}
