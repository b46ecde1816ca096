/**
 * Removes what a run left on an engine. Idempotent: what is not there is no error.
 *
 * @module
 */

import type { CallOptions, Resource } from "../../core/plugin/runtime.ts";
import { type Engine, EngineError } from "./engine.ts";
import { entriesAt } from "./json.ts";
import { pause } from "./pause.ts";

/** Waits between tries, for endpoints and mounts that an engine lets go of a moment later. */
const RETRY_MS = [20, 50, 100, 200, 400, 800, 1500];

/** Ends and removes the resource with everything it holds. */
export async function removeResource(
  engine: Engine,
  resource: Resource,
  { signal }: CallOptions = {},
): Promise<void> {
  for (const waitMs of RETRY_MS) {
    if (await tryRemove(engine, resource, { signal, last: false })) return;
    await pause(waitMs, signal);
    if (resource.kind === "network") await disconnectAll(engine, resource.name, signal);
  }
  await tryRemove(engine, resource, { signal, last: true });
}

/** False when the engine says that something still uses it; on the last try that is an error. */
async function tryRemove(
  engine: Engine,
  { kind, name }: Resource,
  { signal, last }: { readonly signal: AbortSignal | undefined; readonly last: boolean },
): Promise<boolean> {
  try {
    await engine.call({
      method: "DELETE",
      path: `/${kind}s/${encodeURIComponent(name)}`,
      query: kind === "network" ? {} : { force: true, v: kind === "container" ? true : undefined },
      doing: `remove ${kind} "${name}"`,
      accept: [404],
      timeoutMs: 60_000,
      signal,
    });
    return true;
  } catch (error) {
    if (last || !(error instanceof EngineError) || !isBusy(error)) throw error;
    return false;
  }
}

function isBusy({ status, reason }: EngineError): boolean {
  return status === 409 || (status === 403 && /active endpoints/.test(reason)) ||
    (status === 500 && /device or resource busy|removal .* in progress/.test(reason));
}

/** Endpoints of containers that are gone stay behind after an engine's crash. */
async function disconnectAll(
  engine: Engine,
  network: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}`;
  const doing = `remove network "${network}"`;
  const { value } = await engine.call({ method: "GET", path, doing, accept: [404], signal });
  for (const [container] of entriesAt(value, "Containers")) {
    await engine.call({
      method: "POST",
      path: `${path}/disconnect`,
      body: { Container: container.replace(/^ep-/, ""), Force: true },
      doing,
      accept: [403, 404, 409, 500],
      signal,
    });
  }
}
