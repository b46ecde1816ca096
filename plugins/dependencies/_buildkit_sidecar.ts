/**
 * The BuildKit beside a run with `docker:dind`, and what makes builds inside use it.
 *
 * It listens on the run's network only. Its cache is a volume of the project, which one run has at a
 * time, or goes with the run.
 *
 * @module
 */

import type { Layer, SidecarContribution } from "../../core/plugin/contribution.ts";
import type { ContextFile } from "../../core/plugin/runtime.ts";

const NAME = "buildkit";
const PORT = 1234;
const ADDRESS = `tcp://${NAME}:${PORT}`;
/** In front of a buildx that is older than `default-load`, so that `docker images` shows what was built. */
const LOADING_PLUGIN = `#!/bin/sh
# The real buildx, whose builds are loaded into the engine unless they say where to go.
buildx=/usr/libexec/docker/cli-plugins/docker-buildx
case "\${1-} \${2-}" in
  "buildx build" | "buildx b") ;;
  *) exec "$buildx" "$@" ;;
esac
[ "\${BUILDX_BUILDER-}" = moat ] || exec "$buildx" "$@"
for word; do
  case $word in
    --builder | --builder=* | --load | --load=* | --push | --push=* | --output | --output=* | -o* | \\
      --call | --call=* | --check | --print | --print=* | --help)
      exec "$buildx" "$@"
      ;;
  esac
done
shift 2
exec "$buildx" buildx build --load "$@"
`;

/** Variables of the run: the first is for programs that speak to BuildKit themselves. */
export const BUILDER_ENV: Readonly<Record<string, string>> = {
  BUILDKIT_HOST: ADDRESS,
  BUILDX_BUILDER: "moat",
};

/** The sidecar; without `cache` nothing of it outlives the run. */
export function buildkitSidecar({ cache }: { readonly cache: boolean }): SidecarContribution {
  return {
    name: NAME,
    image: "moby/buildkit:latest",
    command: ["--addr", `tcp://0.0.0.0:${PORT}`],
    privileged: "BuildKit makes containers of its own for the steps of a build",
    volumes: [{ kind: cache ? "cache" : "scratch", name: NAME, target: "/var/lib/buildkit" }],
    ready: { kind: "grpc", port: PORT, method: "/moby.buildkit.v1.Control/ListWorkers" },
  };
}

/**
 * The builder `moat` in the user's home, whose results the engine gets. Debian's buildx is older
 * than the setting for that, so that there a program in front of it asks for each build.
 */
export function builderLayers(source: "docker" | "debian"): {
  readonly layers: readonly Layer[];
  readonly files: Readonly<Record<string, ContextFile>>;
} {
  const create = "docker buildx create --name moat --driver remote";
  const script = source === "docker"
    ? `${create} --driver-opt default-load=true ${ADDRESS}`
    : `${create} ${ADDRESS}`;
  return {
    layers: [{ kind: "run", group: "custom", as: "user", script }],
    files: source === "docker" ? {} : {
      "/usr/local/lib/docker/cli-plugins/docker-buildx": { content: LOADING_PLUGIN, mode: 0o755 },
    },
  };
}
