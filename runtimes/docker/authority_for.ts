/**
 * The authority that a run is made to trust, without the variables that its image sets itself: whoever
 * made the image knows better which authorities its programs need.
 *
 * @module
 */

import type { CallOptions, ContainerSpec, TrustedAuthority } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { imageEnv } from "./images.ts";

/** Asks the engine for the image's variables; nothing is asked without an authority. */
export async function authorityFor(
  engine: Engine,
  { authority, image }: Pick<ContainerSpec, "authority" | "image">,
  options: CallOptions,
): Promise<TrustedAuthority | undefined> {
  if (authority === undefined || image === undefined) return authority;
  const theirs = new Set(
    (await imageEnv(engine, image, options)).map((text) => text.split("=")[0]),
  );
  const env = Object.entries(authority.env).filter(([name]) => !theirs.has(name));
  return { ...authority, env: Object.fromEntries(env) };
}
