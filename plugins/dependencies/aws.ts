/**
 * The AWS command line, version 2, from its vendor, who publishes signatures but no sums.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const INSTALL = `
work=$(mktemp -d)
curl --fail --silent --show-error --location --retry 3 --output "$work/file.zip" "$URL"
unzip -q "$work/file.zip" -d "$work"
"$work/aws/install" --bin-dir /usr/local/bin --install-dir /opt/aws-cli
rm -r "$work"`;

const VENDOR_ARCH = { amd64: "x86_64", arm64: "aarch64" };

/** The `aws` dependency, written `aws` or `aws@2.15.30`. */
export const aws: DependencyPlugin = {
  kind: "dependency",
  id: "aws",
  summary: "AWS on the command line",
  category: "tool",
  origin: "release of AWS",
  commands: ["aws"],
  versions: { default: "2", known: [], channels: ["2"], open: { minParts: 3 } },

  contribute({ text, version = "2" }, { arch }) {
    const suffix = version === "2" ? "" : `-${version}`;
    const file = `awscli-exe-linux-${VENDOR_ARCH[arch]}${suffix}.zip`;
    return {
      apt: ["curl", "unzip"],
      layers: [{
        kind: "run",
        group: "custom",
        as: "root",
        script: INSTALL,
        env: { URL: `https://awscli.amazonaws.com/${file}` },
      }],
      warnings: [`"${text}" is installed without a checksum: its vendor publishes none`],
    };
  },

  find: (entry, probe) => findTool({ commands: ["aws"] }, { entry, probe }),
};
