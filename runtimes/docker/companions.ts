/**
 * Containers beside a run, on its network: services and helpers, with their images' own entry points.
 *
 * @module
 */

import type { CallOptions, Companions, CompanionSpec } from "../../core/plugin/runtime.ts";
import { companionBody } from "./companion_body.ts";
import { createOnEngine, explainStart, SLOW_MS } from "./create_container.ts";
import { type Engine, EngineError } from "./engine.ts";
import { snapshotCompanion } from "./snapshot.ts";

/** The ability on this engine. */
export function createCompanions(engine: Engine, target: string): Companions {
  return {
    addressing: "subnet",
    create: (spec, options) =>
      createOnEngine(engine, { ...spec, body: companionBody(spec) }, { ...options, target }),
    start: (spec, options) => startCompanion(engine, spec, options),
    snapshot: (name, image, options) => snapshotCompanion(engine, name, { image, options }),
  };
}

async function startCompanion(
  engine: Engine,
  spec: CompanionSpec,
  { signal }: CallOptions = {},
): Promise<void> {
  try {
    await engine.call({
      method: "POST",
      path: `/containers/${encodeURIComponent(spec.name)}/start`,
      doing: `start container "${spec.name}"`,
      timeoutMs: SLOW_MS,
      signal,
    });
  } catch (error) {
    throw error instanceof EngineError ? explainStart(error, spec) : error;
  }
}
