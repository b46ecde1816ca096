/**
 * The Google Cloud command line from its vendor, who publishes no sums beside the files.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const INSTALL = `
work=$(mktemp -d)
curl --fail --silent --show-error --location --retry 3 --output "$work/file" "$URL"
tar --extract --gzip --no-same-owner --file "$work/file" --directory /opt
rm -r "$work"
for name in gcloud gsutil bq; do
  ln -sf "/opt/google-cloud-sdk/bin/$name" "/usr/local/bin/$name"
done`;

const PLACE = "https://dl.google.com/dl/cloudsdk/channels/rapid/downloads";
const VENDOR_ARCH = { amd64: "x86_64", arm64: "arm" };

/** The `gcloud` dependency, written `gcloud` or `gcloud@500.0.0`. */
export const gcloud: DependencyPlugin = {
  kind: "dependency",
  id: "gcloud",
  summary: "Google Cloud on the command line",
  category: "tool",
  origin: "release of Google Cloud",
  requires: ["python"],
  commands: ["gcloud"],
  versions: { default: "latest", channels: ["latest"], known: [], open: { minParts: 3 } },

  contribute({ text, version = "latest" }, { arch }) {
    const number = version === "latest" ? "" : `-${version}`;
    const file = `google-cloud-cli${number}-linux-${VENDOR_ARCH[arch]}.tar.gz`;
    return {
      apt: ["curl"],
      layers: [{
        kind: "run",
        group: "custom",
        as: "root",
        script: INSTALL,
        env: { URL: `${PLACE}/${file}` },
      }],
      warnings: [`"${text}" is installed without a checksum: its vendor publishes none`],
    };
  },

  find: (entry, probe) => findTool({ commands: ["gcloud"] }, { entry, probe }),
};
