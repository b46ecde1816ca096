/**
 * Images on the engine.
 *
 * @module
 */

import { LABEL } from "../../core/ids.ts";
import type { CallOptions, Images } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { listAt, textAt } from "./json.ts";
import { pullImage } from "./pull_image.ts";

/** What the images ability needs besides the engine. */
export interface CreateImagesOptions {
  /** Environment of moat itself, for registry credentials. */
  readonly env: Readonly<Record<string, string>>;
  readonly build?: NonNullable<Images["build"]>;
  readonly seen: SeenImages;
}

/** The variables of images that were looked at, as `NAME=value`, by the images' references. */
export type SeenImages = Map<string, readonly string[]>;

/** The images ability of an engine. */
export function createImages(engine: Engine, { env, build, seen }: CreateImagesOptions): Images {
  const id = (ref: string, options?: CallOptions) => lookAtImage(engine, ref, { ...options, seen });
  return {
    exists: async (ref, options) => await id(ref, options) !== undefined,
    id,
    pull: (ref, options = {}) => pullImage(engine, ref, { ...options, env }),
    listOwn: (options) => listOwnTags(engine, options),
    untag: (ref, options) => untag(engine, ref, options),
    ...(build === undefined ? {} : { build }),
  };
}

/** Options of {@linkcode lookAtImage}. */
export interface LookAtImageOptions extends CallOptions {
  /** Remembers what was found. */
  readonly seen: SeenImages;
}

/** The engine's id of an image; `undefined` when it is not there. */
export async function lookAtImage(
  engine: Engine,
  ref: string,
  { seen, signal }: LookAtImageOptions,
): Promise<string | undefined> {
  const { status, value } = await engine.call({
    method: "GET",
    path: `/images/${imagePath(ref)}/json`,
    doing: `look for image "${ref}"`,
    accept: [404],
    signal,
  });
  if (status === 404) return undefined;
  seen.set(ref, listAt(value, "Config", "Env").filter((text) => typeof text === "string"));
  return textAt(value, "Id") ?? "";
}

async function listOwnTags(
  engine: Engine,
  { signal }: CallOptions = {},
): Promise<readonly string[]> {
  const { value } = await engine.call({
    method: "GET",
    path: "/images/json",
    query: { filters: JSON.stringify({ label: [`${LABEL.image}=1`] }) },
    doing: "list images",
    signal,
  });
  return listAt(value).flatMap((image) => listAt(image, "RepoTags"))
    .filter((tag): tag is string => typeof tag === "string" && tag !== "<none>:<none>");
}

/** Asks for containers first: an engine untags an image that only stopped containers use. */
async function untag(
  engine: Engine,
  ref: string,
  { signal }: CallOptions = {},
): Promise<boolean> {
  const { value } = await engine.call({
    method: "GET",
    path: "/containers/json",
    query: { all: true, limit: 1, filters: JSON.stringify({ ancestor: [ref] }) },
    doing: `look for containers of image "${ref}"`,
    accept: [404],
    signal,
  });
  if (listAt(value).length > 0) return false;
  const { status } = await engine.call({
    method: "DELETE",
    path: `/images/${imagePath(ref)}`,
    doing: `remove image "${ref}"`,
    accept: [404, 409],
    signal,
  });
  return status !== 409;
}

/** References keep their slashes in a path. */
export function imagePath(ref: string): string {
  return ref.split("/").map(encodeURIComponent).join("/").replaceAll("%3A", ":");
}
