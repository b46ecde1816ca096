/**
 * The authority that a run is made to trust, without the variables that its image sets itself: whoever
 * made the image knows better which authorities its programs need.
 *
 * @module
 */

import type { ContainerSpec, TrustedAuthority } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { lookAtImage, type LookAtImageOptions } from "./images.ts";

/** Asks the engine for the image's variables, unless they have been seen or there is no authority. */
export async function authorityFor(
  engine: Engine,
  { authority, image }: Pick<ContainerSpec, "authority" | "image">,
  options: LookAtImageOptions,
): Promise<TrustedAuthority | undefined> {
  if (authority === undefined || image === undefined) return authority;
  const { seen } = options;
  if (!seen.has(image)) await lookAtImage(engine, image, options);
  const theirs = new Set(seen.get(image)?.map((text) => text.split("=")[0]));
  const env = Object.entries(authority.env).filter(([name]) => !theirs.has(name));
  return { ...authority, env: Object.fromEntries(env) };
}
