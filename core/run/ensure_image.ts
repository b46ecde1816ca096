/**
 * The image of a run, there when this returns: looked up, pulled, or built once for all who wait.
 *
 * @module
 */

import { join } from "node:path";
import { delay } from "../delay.ts";
import { MoatError } from "../errors.ts";
import { LABEL } from "../ids.ts";
import type { BuildResult, Images, Progress } from "../plugin/runtime.ts";
import type { Paths } from "../store/paths.ts";
import type { ImagePlan } from "./plan.ts";

/** Options of {@linkcode ensureImage}. */
export interface EnsureImageOptions {
  readonly images: Images;
  readonly paths: Pick<Paths, "store">;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
}

const WAIT_MS = 50;

/**
 * Makes sure of the image; returns what a build made, when there was one.
 * @throws MoatError when it can be neither pulled nor built
 */
export async function ensureImage(
  plan: ImagePlan,
  options: EnsureImageOptions,
): Promise<BuildResult | undefined> {
  if (plan.kind === "build") return await ensureBuilt(plan, options);
  const { images, signal, progress } = options;
  if (await images.exists(plan.ref, { signal })) return undefined;
  await images.pull(plan.ref, { signal, ...(progress === undefined ? {} : { progress }) });
  return undefined;
}

async function ensureBuilt(
  plan: Extract<ImagePlan, { readonly kind: "build" }>,
  { images, paths, signal, progress }: EnsureImageOptions,
): Promise<BuildResult | undefined> {
  const { tag, rebuild } = plan;
  if (!rebuild && await images.exists(tag, { signal })) return undefined;
  if (images.build === undefined) {
    throw new MoatError(`Cannot build image "${tag}": this runtime cannot build`, {
      hint: "Remove dependencies from moat.yaml, or choose another runtime with --runtime",
    });
  }
  using _ = await lockTag(tag, { paths, signal, ...(progress === undefined ? {} : { progress }) });
  if (!rebuild && await images.exists(tag, { signal })) return undefined;
  return await images.build(
    {
      tag,
      dockerfile: plan.dockerfile,
      files: plan.files,
      labels: { [LABEL.image]: "1" },
      digest: plan.digest,
    },
    { signal, noCache: rebuild, ...(progress === undefined ? {} : { progress }) },
  );
}

/** One process at a time builds a tag; the others look again when it is done. */
async function lockTag(
  tag: string,
  { paths, signal, progress }: Omit<EnsureImageOptions, "images">,
): Promise<Disposable> {
  const directory = join(paths.store, "locks");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${tag.replaceAll(/[^a-z0-9.]+/g, "-")}.lock`);
  const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  try {
    let waited = false;
    while (!(await file.tryLock(true))) {
      if (!waited) progress?.update("image", `waiting for another run that builds ${tag}`);
      waited = true;
      await delay(WAIT_MS, signal);
    }
    if (waited) progress?.done("image");
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
