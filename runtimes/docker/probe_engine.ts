/**
 * What an engine says of itself, as facts for the planner: one call.
 *
 * @module
 */

import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type { RuntimeFacts } from "../../core/plugin/runtime.ts";
import { GVISOR_RUNTIME } from "./container_body.ts";
import type { Engine } from "./engine.ts";
import { entriesAt, listAt, textAt, valueAt } from "./json.ts";

/** Every run begins with this question, so an engine that hangs is to be noticed soon. */
const DEADLINE_MS = 10_000;

const INSTALL_GVISOR = `Install gVisor on the engine's machine:
  curl -fsSLO "https://storage.googleapis.com/gvisor/releases/release/latest/$(uname -m)/runsc"
  curl -fsSL "https://storage.googleapis.com/gvisor/releases/release/latest/$(uname -m)/runsc.sha512" | sha512sum -c
  chmod 0755 runsc && sudo mv runsc /usr/local/bin/
  sudo runsc install
  sudo systemctl restart docker
Or run without it: moat run --isolation none, or sandbox: none in moat.yaml, or MOAT_NO_SANDBOX=1`;

/** Asks the engine. */
export async function probeEngine(
  engine: Engine,
  { target, os, arch, signal }: Pick<RuntimeEnvironment, "os" | "arch"> & {
    readonly target: string;
    readonly signal: AbortSignal | undefined;
  },
): Promise<RuntimeFacts> {
  const { value, headers } = await engine.callUnversioned({
    method: "GET",
    path: "/info",
    doing: "ask the engine about itself",
    timeoutMs: DEADLINE_MS,
    signal,
  });
  return engineFacts(value, { target, os, arch, apiVersion: headers.get("api-version") ?? "?" });
}

/** Facts out of the engine's answer to `/info`. */
export function engineFacts(
  info: unknown,
  { target, os, arch, apiVersion }: Pick<RuntimeEnvironment, "os" | "arch"> & {
    readonly target: string;
    readonly apiVersion: string;
  },
): RuntimeFacts {
  const hasGvisor = entriesAt(info, "Runtimes").some(([name]) => name === GVISOR_RUNTIME);
  const security = listAt(info, "SecurityOptions").map(String);
  const wantsGvisor = os === "linux";
  return {
    id: "docker",
    target,
    description: `Docker Engine ${textAt(info, "ServerVersion") ?? "?"} (API ${apiVersion})`,
    arch: parseArch(textAt(info, "Architecture")) ?? arch,
    isolations: hasGvisor ? ["gvisor", "container"] : ["container"],
    defaultIsolation: wantsGvisor ? "gvisor" : "container",
    ...(wantsGvisor && !hasGvisor
      ? {
        defaultIsolationMissing: {
          reason: `the engine has no OCI runtime "${GVISOR_RUNTIME}" (gVisor)`,
          hint: INSTALL_GVISOR,
        },
      }
      : {}),
    abilities: [
      "images",
      "networks",
      "volumes",
      "services",
      "sidecars",
      "dial",
      "privileged",
      ...(hostSocketOf(target, os) === undefined ? [] : ["hostSocket" as const]),
      "reattach",
    ],
    shiftedIds: security.some((option) => /name=(rootless|userns)/.test(option)),
    workspace: "/workspace",
    notices: limitNotices(info),
    usesHostTools: false,
  };
}

/**
 * Path of the engine's socket on the machine where its containers run. On macOS that is a virtual
 * machine, in which the socket has its usual place.
 */
export function hostSocketOf(target: string, os: "linux" | "darwin"): string | undefined {
  if (!target.startsWith("unix://")) return undefined;
  return os === "darwin" ? "/var/run/docker.sock" : target.slice("unix://".length);
}

function parseArch(text: string | undefined): "amd64" | "arm64" | undefined {
  if (text === "x86_64" || text === "amd64") return "amd64";
  return text === "aarch64" || text === "arm64" ? "arm64" : undefined;
}

function limitNotices(info: unknown): readonly string[] {
  return [
    ...(valueAt(info, "MemoryLimit") === false ? ["This engine cannot limit memory"] : []),
    ...(valueAt(info, "CpuCfsQuota") === false ? ["This engine cannot limit processors"] : []),
  ];
}
