/**
 * Bun, out of its official image.
 *
 * @module
 */

import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

const PROGRAM = "/usr/local/bin/bun";

/** The manifest of `bun`, written `bun@1`. */
export const BUN: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "bun",
  summary: "Bun, a JavaScript runtime and package manager",
  category: "language",
  origin: "image oven/bun",
  commands: ["bun"],
  versions: {
    default: "1.1.38",
    known: [{ version: "1.1.38" }],
    others: 3,
  },
  host: { hint: "npm install --global bun" },
  contribution: {
    base_image: "oven/bun:{version}-slim",
    layers: [
      {
        kind: "copy-from",
        group: "language",
        image: "oven/bun:{version}-slim",
        paths: [{ from: PROGRAM, to: PROGRAM }],
      },
      {
        kind: "exec",
        group: "language",
        command: ["ln", "-sf", "bun", "/usr/local/bin/bunx"],
      },
    ],
  },
};

/** The `bun` dependency. */
export const bun = createDependency(BUN);
