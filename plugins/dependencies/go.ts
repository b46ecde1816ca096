/**
 * Go, out of its official image.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const HOME = "/usr/local/go";

/** The `go` dependency, written `go@1.25`. */
export const go: DependencyPlugin = {
  kind: "dependency",
  id: "go",
  summary: "Go",
  category: "language",
  origin: "image golang",
  commands: ["go", "gofmt"],
  versions: {
    default: "1.25",
    known: ["1.27", "1.26", "1.25", "1.24", "1.23", "1.22", "1.21"].map((version) => ({ version })),
    open: { minParts: 3 },
  },

  contribute({ version }) {
    const image = `golang:${version}`;
    return {
      baseImage: image,
      layers: [
        { kind: "copy-from", group: "language", image, paths: [{ from: HOME, to: HOME }] },
      ],
      path: ["/home/moatuser/go/bin", `${HOME}/bin`],
      // The image's GOPATH is writable by everybody at first and by root once a build has used it.
      env: { GOPATH: "/home/moatuser/go" },
    };
  },

  find: (entry, probe) =>
    findTool({
      commands: ["go"],
      versionArgs: ["version"],
      hint: "Unpack Go into /usr/local/go, or use --runtime docker",
      home: ["go", "env", "GOROOT"],
    }, { entry, probe }),
};
