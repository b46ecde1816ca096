/**
 * The container of a planned companion with every reference filled in. Pure.
 *
 * @module
 */

import { type Role, runLabels } from "../../ids.ts";
import type { CompanionSpec } from "../../plugin/runtime.ts";
import type { CompanionPlan, RunPlan } from "../plan.ts";
import { fillPassword } from "./passwords.ts";
import type { Placement } from "./place.ts";

/** What the plan does not hold. */
export interface CompanionSpecOptions {
  readonly homeId: string;
  readonly role: Extract<Role, "service" | "sidecar">;
  readonly placement: Placement;
  /** There for services. */
  readonly password?: string;
}

/** @throws TypeError for a reference that nothing fills in, which is a bug */
export function createCompanionSpec(
  plan: RunPlan,
  companion: CompanionPlan,
  { homeId, role, placement, password }: CompanionSpecOptions,
): CompanionSpec {
  const { name, container, image, entrypoint, command, isolation } = companion;
  const place = placement.companions[name];
  const network = plan.network.kind === "own" ? plan.network.name : plan.container.name;
  return {
    name: container,
    runId: plan.id,
    labels: runLabels(homeId, plan.id, role),
    image,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    env: companion.env,
    files: companion.files.map((file) => ({
      ...file,
      content: fillPassword(file.content, password),
    })),
    mounts: companion.mounts,
    hostname: name,
    network: {
      name: network,
      ...(place?.address === undefined ? {} : { address: place.address }),
    },
    hosts: place?.hosts ?? [],
    dns: plan.container.dns,
    ...(isolation === undefined ? {} : { isolation }),
    privileged: companion.privileged !== undefined,
    limits: companion.limits,
    toolPaths: companion.toolPaths,
  };
}
