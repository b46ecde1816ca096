/**
 * Connections that are made inside a container, to a port of its loopback, brought here: by a relay
 * that the engine runs in there.
 *
 * @module
 */

import type { AcceptOptions, InsidePort } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { execRelay } from "./exec_relay.ts";

/** Which port, and who is given its connections. */
export interface AcceptInsideOptions extends AcceptOptions {
  readonly port: number;
}

/** Accepts until disposed. @throws MoatError when the port is taken, or nothing can listen there */
export function acceptInside(
  engine: Engine,
  name: string,
  options: AcceptInsideOptions,
): Promise<InsidePort> {
  const doing = `listen on port ${options.port} in container "${name}"`;
  return execRelay(engine, name, { ...options, doing });
}
