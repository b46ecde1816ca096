/**
 * Docker inside a run, by the host's engine or a private one. Neither is there yet.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";

/** The `docker` dependency, written `docker:host` or `docker:dind`. */
export const docker: DependencyPlugin = {
  kind: "dependency",
  id: "docker",
  summary: "Docker inside: the host's engine (host) or a private one (dind)",
  category: "docker",
  argument: { kind: "mode", modes: ["host", "dind"] },
  commands: ["docker"],
  notYet: "Docker inside a run cannot be had yet",
  contribute: () => ({}),
};
