/**
 * Docker inside a run: the machine's engine (`docker:host`), or a private one (`docker:dind`).
 *
 * @module
 */

import { MoatError, UsageError } from "../../core/errors.ts";
import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import type { Contribution, DependencyEntry, Target } from "../../core/plugin/contribution.ts";
import { BUILDER_ENV, builderLayers, buildkitSidecar } from "./_buildkit_sidecar.ts";
import { DOCKER_GID, DOCKER_ROOT, startEngine } from "./_docker_engine.ts";
import { DEBIAN_BASE, dockerPackages } from "./_docker_packages.ts";

const SOCKET = "/var/run/docker.sock";

const CLIENT = {
  docker: ["docker-ce-cli", "docker-buildx-plugin"],
  debian: ["docker-cli", "docker-buildx"],
};

const ENGINE = {
  docker: [...CLIENT.docker, "docker-ce", "containerd.io", "iptables"],
  debian: [...CLIENT.debian, "docker.io", "iptables"],
};

const NEVER_UNDER_GVISOR = {
  isolation: "gvisor",
  hint: "Write sandbox: none in moat.yaml",
} as const;

/** A number of the user's ids is fixed before packages choose one. */
const MAKE_GROUP = `groupmod --gid ${DOCKER_GID} docker 2>/dev/null ||
groupadd --system --gid ${DOCKER_GID} docker`;

/** The `docker` dependency, written `docker:host` or `docker:dind`. */
export const docker: DependencyPlugin = {
  kind: "dependency",
  id: "docker",
  summary: "Docker inside: the host's engine (host) or a private one (dind)",
  category: "docker",
  origin: "packages of Docker, or of Debian with docker.packages: debian",
  argument: { kind: "mode", modes: ["host", "dind"] },
  commands: ["docker"],

  base: (_entry, { dockerPackages }) => dockerPackages === "debian" ? DEBIAN_BASE : undefined,

  contribute(entry, target) {
    refuseOldDebian(entry, target);
    return entry.argument === "host" ? hostEngine(entry, target) : privateEngine(target);
  },

  find: () =>
    Promise.resolve({
      kind: "missing",
      reason: "it needs a runtime with an engine",
      hint: "moat run --runtime docker",
    }),
};

/** Bookworm has no buildx, and its client comes with an engine only. */
function refuseOldDebian({ text }: DependencyEntry, { dockerPackages, suite }: Target): void {
  if (dockerPackages !== "debian" || !["bullseye", "bookworm"].includes(suite)) return;
  throw new UsageError(`Cannot install "${text}" from Debian's packages: ${suite} has no buildx`, {
    hint: `Write base_image: ${DEBIAN_BASE}, or docker.packages: docker in config.yaml`,
  });
}

function hostEngine({ text }: DependencyEntry, target: Target): Contribution {
  const { hostSocket } = target;
  if (hostSocket !== undefined && "missing" in hostSocket) {
    throw new MoatError(`Cannot give the run "${text}": ${hostSocket.missing}`, {
      hint: "Write docker:dind for a private engine",
    });
  }
  return {
    ...dockerPackages(CLIENT, target),
    needs: ["hostSocket", "images"],
    mounts: [
      { kind: "bind", source: hostSocket?.path ?? SOCKET, target: SOCKET, readOnly: false },
    ],
    groups: hostSocket === undefined ? [] : [hostSocket.gid],
    refuses: [{
      ...NEVER_UNDER_GVISOR,
      reason: "the host's socket cannot be reached from inside gVisor",
    }],
    warnings: [
      `"${text}" hands over this machine's Docker: whatever runs inside can become root here`,
      ...hostSocket?.oddities ?? [],
    ],
  };
}

function privateEngine(target: Target): Contribution {
  const { dockerPackages: source = "docker", dockerBuildCache = true, hostEnv = {} } = target;
  const packages = dockerPackages(ENGINE, target);
  const builder = builderLayers(source);
  return {
    ...packages,
    layers: [
      { kind: "run", group: "user", as: "root", script: MAKE_GROUP },
      ...packages.layers ?? [],
      ...builder.layers,
    ],
    files: builder.files,
    env: BUILDER_ENV,
    needs: ["privileged", "images"],
    mounts: [{ kind: "volume", source: "", target: DOCKER_ROOT, readOnly: false }],
    groups: [DOCKER_GID],
    privileged: true,
    privilegedFor: "the engine of docker:dind mounts file systems and makes networks",
    sidecars: [buildkitSidecar({ cache: dockerBuildCache })],
    initSteps: [startEngine(readTimeout(hostEnv.MOAT_DIND_TIMEOUT))],
    refuses: [{
      ...NEVER_UNDER_GVISOR,
      reason: "an engine inside gVisor makes neither its networks nor its containers",
    }],
  };
}

function readTimeout(value: string | undefined): string | undefined {
  if (value === undefined || /^[1-9]\d{0,3}$/.test(value)) return value;
  throw new UsageError(`Cannot wait MOAT_DIND_TIMEOUT="${value}": it is no number of seconds`, {
    hint: "MOAT_DIND_TIMEOUT=90 moat run",
  });
}
