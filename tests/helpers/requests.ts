/**
 * Requests and machines for tests of plans: complete values with small changes.
 *
 * @module
 */

import { NOTHING_WRITTEN } from "../../core/config/load_project_config.ts";
import type { RuntimeFacts } from "../../core/plugin/runtime.ts";
import type { Machine } from "../../core/run/plan_run.ts";
import type { RunRequest } from "../../core/run/request.ts";

/** A request for `true` in /home/ann/shop, owned by 1000:1000. */
export function requestWith(changes: Partial<RunRequest> = {}): RunRequest {
  return {
    id: "run_0123456789ab",
    name: "shop",
    project: {
      path: "/home/ann/shop",
      uid: 1000,
      gid: 1000,
      hasGit: false,
      configFiles: [],
    },
    config: NOTHING_WRITTEN,
    dependencies: [],
    env: {},
    secrets: new Map(),
    mounts: [],
    endpoints: [],
    network: { mode: "private", origin: "project" },
    command: ["true"],
    tty: false,
    detached: false,
    keep: false,
    rebuild: false,
    allowConfigWrite: false,
    limits: {},
    networkPool: "10.213.0.0/16",
    ...changes,
  };
}

/** A docker engine with gVisor. */
export const DOCKER_FACTS: RuntimeFacts = {
  id: "docker",
  target: "unix:///var/run/docker.sock",
  description: "Docker Engine 29.0.0 (API 1.51)",
  arch: "amd64",
  isolations: ["gvisor", "container"],
  defaultIsolation: "gvisor",
  abilities: ["images", "networks", "volumes", "dial", "accept"],
  authorityFiles: { file: "/.moat-router-ca.crt", bundle: "/etc/ssl/certs/ca-certificates.crt" },
  shiftedIds: false,
  workspace: "/workspace",
  notices: [],
  usesHostTools: false,
};

/** A machine on which docker with gVisor was chosen, used by user 1000. */
export function machineWith(changes: Partial<Machine> = {}): Machine {
  return {
    caller: { uid: 1000, gid: 1000 },
    moatHome: "/home/ann/.moat",
    term: "xterm-256color",
    facts: DOCKER_FACTS,
    isolation: "gvisor",
    reason: "automatic: the first that works here",
    notices: [],
    tools: { paths: [], bin: [] },
    ...changes,
  };
}
