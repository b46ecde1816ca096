/**
 * What an engine says of itself, as facts for the planner: one call.
 *
 * @module
 */

import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type { RuntimeFacts } from "../../core/plugin/runtime.ts";
import { AUTHORITY_FILES } from "../../core/image/init_environment.ts";
import { GVISOR_RUNTIME, isolationOf } from "./container_body.ts";
import type { Engine } from "./engine.ts";
import { findHostSocket } from "./host_socket.ts";
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
  { target, url, os, arch, signal }: Pick<RuntimeEnvironment, "os" | "arch"> & {
    readonly target: string;
    /** Where the target is. */
    readonly url: string;
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
  const apiVersion = headers.get("api-version") ?? "?";
  const facts = engineFacts(value, { target, os, arch, apiVersion });
  const hostSocket = await findHostSocket({ url, os, security: securityOf(value) });
  return { ...facts, hostSocket };
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
  const security = securityOf(info);
  const wantsGvisor = os === "linux";
  return {
    id: "docker",
    target,
    description: `Docker Engine ${textAt(info, "ServerVersion") ?? "?"} (API ${apiVersion})`,
    arch: parseArch(textAt(info, "Architecture")) ?? arch,
    isolations: isolationsOf(info, hasGvisor),
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
      "accept",
      "privileged",
      // Whether it can be given to a run is told by the socket itself, with the reason.
      "hostSocket",
      "reattach",
    ],
    authorityFiles: AUTHORITY_FILES,
    shiftedIds: security.some((option) => /name=(rootless|userns)/.test(option)),
    workspace: "/workspace",
    notices: limitNotices(info),
    usesHostTools: false,
  };
}

/** "Without gVisor" is the engine's default runtime, which may be gVisor itself. */
function isolationsOf(info: unknown, hasGvisor: boolean): RuntimeFacts["isolations"] {
  if (!hasGvisor) return ["container"];
  const byDefault = isolationOf(textAt(info, "DefaultRuntime") ?? "");
  return byDefault === "gvisor" ? ["gvisor"] : ["gvisor", "container"];
}

function securityOf(info: unknown): readonly string[] {
  return listAt(info, "SecurityOptions").map(String);
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
