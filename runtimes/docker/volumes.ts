/**
 * Volumes that outlive a run.
 *
 * @module
 */

import type { CallOptions, Volumes } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { textsAt } from "./json.ts";

/** Creates the volume unless it is there: engines answer a second creation with the first. */
export async function ensureVolume(
  engine: Engine,
  { name, labels }: Parameters<Volumes["ensure"]>[0],
  { signal }: CallOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const { value } = await engine.call({
    method: "POST",
    path: "/volumes/create",
    body: { Name: name, Driver: "local", Labels: labels },
    doing: `create volume "${name}"`,
    signal,
  });
  return textsAt(value, "Labels");
}
