/**
 * uv, Python's fast package manager, from the package index, checked against the catalogue's sums.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";
import pins from "./catalogue/python.json" with { type: "json" };

/** A pinned version must have one of these sums; another one is checked by the index alone. */
const INSTALL = `
file=$(mktemp)
echo "uv==$VERSION $HASHES" > "$file"
pip install --disable-pip-version-check --root-user-action ignore --only-binary :all: \\
  --requirement "$file"
rm "$file"
scripts=$(python3 -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
[ "$scripts" = /usr/local/bin ] || ln -sf "$scripts/uv" "$scripts/uvx" /usr/local/bin/`;

/** The `uv` dependency, written `uv@0.11.6`. */
export const uv: DependencyPlugin = {
  kind: "dependency",
  id: "uv",
  summary: "Package manager for Python",
  category: "package manager",
  origin: "Python package uv",
  requires: ["python"],
  commands: ["uv", "uvx"],
  versions: { default: "0.11.6", known: pins.uv, open: { minParts: 3 } },

  contribute({ version = "", pin }, { arch }) {
    const sum = pin?.sha256?.[arch];
    return {
      layers: [{
        kind: "run",
        group: "binary",
        as: "root",
        script: INSTALL,
        env: { VERSION: version, HASHES: sum === undefined ? "" : `--hash=sha256:${sum}` },
        cacheMounts: ["/root/.cache/pip"],
      }],
    };
  },

  find: (entry, probe) =>
    findTool(
      { commands: ["uv"], hint: "pip install uv, or --runtime docker" },
      { entry, probe },
    ),
};
