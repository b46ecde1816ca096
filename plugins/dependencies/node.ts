/**
 * Node.js, with the npm that ships with it, out of its official image.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const BIN = "/usr/local/bin";
const MODULES = "/usr/local/lib/node_modules";

/** npm, npx and corepack are links in the image, which a copy would turn into files. */
const LINK = `
ln -sf "$MODULES/npm/bin/npm-cli.js" "$BIN/npm"
ln -sf "$MODULES/npm/bin/npx-cli.js" "$BIN/npx"
if [ -d "$MODULES/corepack" ]; then
  ln -sf "$MODULES/corepack/dist/corepack.js" "$BIN/corepack"
fi
ln -sf node "$BIN/nodejs"`;

/** The `node` dependency, written `node@22`. */
export const node: DependencyPlugin = {
  kind: "dependency",
  id: "node",
  summary: "Node.js, with npm",
  category: "language",
  origin: "image node",
  commands: ["node", "npm"],
  versions: {
    default: "22",
    known: ["26", "24", "22", "20", "18"].map((version) => ({ version })),
    open: { minParts: 2 },
  },

  contribute({ version }) {
    const image = `node:${version}-slim`;
    const program = `${BIN}/node`;
    return {
      baseImage: image,
      layers: [
        {
          kind: "copy-from",
          group: "language",
          image,
          paths: [{ from: program, to: program }, { from: MODULES, to: MODULES }],
        },
        { kind: "run", group: "language", as: "root", script: LINK, env: { BIN, MODULES } },
      ],
    };
  },

  find: (entry, probe) =>
    findTool({
      commands: ["node", "npm"],
      hint: `nvm install ${entry.requested ?? "--lts"}, or --runtime docker`,
      home: ["node", "-p", "require('path').dirname(require('path').dirname(process.execPath))"],
    }, { entry, probe }),
};
