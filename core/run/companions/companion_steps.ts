/**
 * The steps that start what stands beside a run.
 *
 * @module
 */

import type { CompanionPlan } from "../plan.ts";
import { type Made, placementOf, type RunExecution, sayNotice } from "../run_execution.ts";
import type { Step } from "../steps.ts";
import { createCompanionSpec } from "./create_companion_spec.ts";
import { holdCaches } from "./hold_caches.ts";
import { startCompanion } from "./start_companion.ts";

/** Each brings one service or sidecar to life and waits for it; all side by side. */
export function companionSteps(options: RunExecution, made: Made): readonly Step[] {
  const { run, plan, runtime, store, progress } = options;
  const step = (companion: CompanionPlan, role: "service" | "sidecar"): Step => ({
    id: `${role} ${companion.name}`,
    resource: { kind: "container", name: companion.container },
    async do(signal) {
      const { companions } = runtime;
      if (companions === undefined) throw new TypeError(`${runtime.id} has no companions`);
      const own = made.passwords.get(companion.name);
      const held = role === "service" ? companion : await holdCaches(companion, {
        ...options,
        signal,
        notice: (text) => sayNotice(text, options),
      });
      await startCompanion(held, {
        run,
        plan,
        companions,
        signal,
        specOf: (password) =>
          createCompanionSpec(plan, held, {
            homeId: store.homeId,
            role,
            placement: placementOf(options, made),
            ...(password === undefined ? {} : { password }),
          }),
        ...(own === undefined ? {} : { password: own }),
        ...(progress === undefined ? {} : { progress }),
      });
    },
  });
  return [
    ...plan.services.map((service) => step(service, "service")),
    ...plan.sidecars.map((sidecar) => step(sidecar, "sidecar")),
  ];
}
