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
}

/** The images ability of an engine. */
export function createImages(engine: Engine, { env, build }: CreateImagesOptions): Images {
  return {
    exists: async (ref, options) => await imageId(engine, ref, options) !== undefined,
    id: (ref, options) => imageId(engine, ref, options),
    pull: (ref, options = {}) => pullImage(engine, ref, { ...options, env }),
    listOwn: (options) => listOwnTags(engine, options),
    untag: (ref, options) => untag(engine, ref, options),
    ...(build === undefined ? {} : { build }),
  };
}

/** The variables that an image sets, as `NAME=value`; none when it is not there. */
export async function imageEnv(
  engine: Engine,
  ref: string,
  options: CallOptions,
): Promise<readonly string[]> {
  const { value } = await inspectImage(engine, ref, options);
  return listAt(value, "Config", "Env").filter((text) => typeof text === "string");
}

async function imageId(
  engine: Engine,
  ref: string,
  options: CallOptions = {},
): Promise<string | undefined> {
  const { status, value } = await inspectImage(engine, ref, options);
  return status === 404 ? undefined : textAt(value, "Id") ?? "";
}

function inspectImage(
  engine: Engine,
  ref: string,
  { signal }: CallOptions,
): ReturnType<Engine["call"]> {
  return engine.call({
    method: "GET",
    path: `/images/${imagePath(ref)}/json`,
    doing: `look for image "${ref}"`,
    accept: [404],
    signal,
  });
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
