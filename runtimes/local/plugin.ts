/**
 * The local runtime: runs commands on this machine's own tools, in a sandbox, without an engine.
 *
 * @module
 */

import type { RuntimePlugin } from "../../core/plugin/contract.ts";
import { openLocalRuntime } from "./local_runtime.ts";
import { createHostProbe } from "./find_host_tools.ts";
import { findProgram } from "./find_program.ts";
import { probeLocal } from "./probe_local.ts";
import { probeSeatbelt } from "./probe_seatbelt.ts";
import { openSeatbeltRuntime } from "./seatbelt_runtime.ts";

/** Registered as `local`. */
export const local: RuntimePlugin = {
  kind: "runtime",
  id: "local",
  summary: "A sandbox on this machine, with its own tools",

  probe: (environment, { signal } = {}) =>
    environment.os === "darwin" ? probeSeatbelt(environment) : probeLocal(environment, signal),

  hostProbe: ({ env }) => createHostProbe({ env }),

  open(environment, target) {
    if (environment.os === "darwin") return Promise.resolve(openSeatbeltRuntime(environment));
    return Promise.resolve(openLocalRuntime(environment, {
      backend: target === "bubblewrap" ? "bubblewrap" : "unshare",
      bubblewrap: findProgram("bwrap", environment.env) ?? "bwrap",
    }));
  },
};
