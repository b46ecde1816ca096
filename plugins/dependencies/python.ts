/**
 * Python: the official image when it is the only language, Debian's when that is the version asked
 * for, else a build that uv fetches.
 *
 * `pip install` works for the run's user in all three, into the home directory.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import type { Contribution } from "../../core/plugin/contribution.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

/** Where the Python that uv fetched is found, whatever its exact version. */
const CURRENT = "/opt/python/current";
const HOME_BIN = "/home/moatuser/.local/bin";

/** The Python of each Debian release. */
const DEBIAN: Readonly<Record<string, string>> = {
  bullseye: "3.9",
  bookworm: "3.11",
  trixie: "3.13",
};

/** The marker makes pip refuse; nothing but the run's own tools uses this Python. */
const FROM_DEBIAN = `
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf /usr/bin/python3 /usr/local/bin/python
command -v pip >/dev/null || ln -sf /usr/bin/pip3 /usr/local/bin/pip`;

const FROM_UV = `
uv python install "$VERSION"
program=$(uv python find --no-project "$VERSION")
home=$(dirname "$(dirname "$(readlink -f "$program")")")
rm -f "$home"/lib/python3*/EXTERNALLY-MANAGED
[ -e "$home/bin/pip" ] || "$program" -m ensurepip --default-pip
ln -sfn "$home" "$CURRENT"`;

/** The `python` dependency, written `python@3.11`. */
export const python: DependencyPlugin = {
  kind: "dependency",
  id: "python",
  summary: "Python, with pip",
  category: "language",
  origin: "image python, Debian, or uv's builds",
  commands: ["python3"],
  versions: {
    default: "3.11",
    known: ["3.14", "3.13", "3.12", "3.11", "3.10", "3.9"].map((version) => ({ version })),
    open: { minParts: 3 },
  },

  contribute({ version = "" }, { suite }): Contribution {
    const baseImage = `python:${version}-slim`;
    if (DEBIAN[suite] === version) {
      return {
        baseImage,
        path: [HOME_BIN],
        apt: ["python3", "python3-pip", "python3-venv"],
        layers: [{ kind: "run", group: "language", as: "root", script: FROM_DEBIAN }],
      };
    }
    return {
      baseImage,
      path: [HOME_BIN, `${CURRENT}/bin`],
      layers: [
        {
          kind: "copy-from",
          group: "language",
          image: "ghcr.io/astral-sh/uv:0.11.6",
          paths: [{ from: "/uv", to: "/usr/local/bin/uv" }],
        },
        {
          kind: "run",
          group: "language",
          as: "root",
          script: FROM_UV,
          env: {
            CURRENT,
            UV_PYTHON_INSTALL_DIR: "/opt/python",
            UV_PYTHON_PREFERENCE: "only-managed",
            VERSION: version,
          },
        },
      ],
    };
  },

  find: (entry, probe) =>
    findTool({
      commands: ["python3"],
      hint: "uv python install, pyenv install, or --runtime docker",
      home: ["python3", "-c", "import sys; print(sys.base_prefix)"],
    }, { entry, probe }),
};
