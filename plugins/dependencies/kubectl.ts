/**
 * kubectl from its vendor; without a version, the one that the vendor calls stable at the build.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const INSTALL = `
if [ "$VERSION" = stable ]; then
  VERSION=$(curl --fail --silent --show-error --location "$PLACE/stable.txt")
else
  VERSION="v$VERSION"
fi
url="$PLACE/$VERSION/bin/linux/$ARCH/kubectl"
work=$(mktemp -d)
curl --fail --silent --show-error --location --retry 3 --output "$work/kubectl" "$url"
sum=$(curl --fail --silent --show-error --location --retry 3 "$url.sha256")
echo "$sum  $work/kubectl" | sha256sum --check --quiet
install --mode 0755 "$work/kubectl" /usr/local/bin/kubectl
rm -r "$work"`;

/** The `kubectl` dependency, written `kubectl` or `kubectl@1.31.2`. */
export const kubectl: DependencyPlugin = {
  kind: "dependency",
  id: "kubectl",
  summary: "Kubernetes on the command line",
  category: "tool",
  origin: "release of Kubernetes",
  commands: ["kubectl"],
  versions: { default: "stable", channels: ["stable"], known: [], open: { minParts: 3 } },

  contribute: ({ version = "" }, { arch }) => ({
    apt: ["curl"],
    layers: [{
      kind: "run",
      group: "binary",
      as: "root",
      script: INSTALL,
      env: { ARCH: arch, PLACE: "https://dl.k8s.io/release", VERSION: version },
    }],
  }),

  find: (entry, probe) =>
    findTool({ commands: ["kubectl"], versionArgs: ["version", "--client"] }, { entry, probe }),
};
