/**
 * Docker's packages inside an image: from Docker's own apt repository, or Debian's.
 *
 * Which of the two is decided in the plan, never by what a build finds.
 *
 * @module
 */

import { APT_CACHES, APT_SCRIPT } from "../../core/image/build_scripts.ts";
import type { Contribution, Target } from "../../core/plugin/contribution.ts";

/** What a mode of Docker installs. */
export interface DockerPackages {
  /** Of Docker's own repository. */
  readonly docker: readonly string[];
  /** Of Debian, from trixie on. */
  readonly debian: readonly string[];
}

/** Of Debian, the first release with buildx. */
export const DEBIAN_BASE = "debian:trixie-slim";

/** The keys and the suite are those of the base itself, which is Debian's or Ubuntu's. */
const ADD_REPOSITORY = `
. /etc/os-release
case $ID in
  debian|ubuntu) ;;
  *) echo "moat: Docker has no packages for $ID; use a base_image of Debian or Ubuntu" >&2; exit 1;;
esac
place=https://download.docker.com/linux/$ID
install -d -m 0755 /etc/apt/keyrings
curl --fail --silent --show-error --location --retry 3 --output /etc/apt/keyrings/docker.asc "$place/gpg"
chmod 0644 /etc/apt/keyrings/docker.asc
echo "deb [arch=$ARCH signed-by=/etc/apt/keyrings/docker.asc] $place $VERSION_CODENAME stable" \\
  >/etc/apt/sources.list.d/docker.list`;

/** The packages and layers that bring Docker into the image. */
export function dockerPackages(
  packages: DockerPackages,
  { arch, dockerPackages: source = "docker" }: Target,
): Pick<Contribution, "apt" | "layers"> {
  if (source === "debian") return { apt: packages.debian };
  const install = `set -- ${packages.docker.join(" ")}\n${APT_SCRIPT.trim()}`;
  return {
    apt: ["curl"],
    layers: [{
      kind: "run",
      group: "custom",
      as: "root",
      script: `${ADD_REPOSITORY}\n${install}`,
      env: { ARCH: arch },
      cacheMounts: APT_CACHES,
    }],
  };
}
