/**
 * The image of a run, there when this returns: looked up, pulled, or built once for all who wait.
 *
 * @module
 */

import { MoatError } from "../errors.ts";
import { LABEL } from "../ids.ts";
import type { BuildResult, Images, Progress } from "../plugin/runtime.ts";
import type { Paths } from "../store/paths.ts";
import { lockTag } from "./lock_tag.ts";
import type { ImagePlan } from "./plan.ts";

/** Options of {@linkcode ensureImage}. */
export interface EnsureImageOptions {
  readonly images: Images;
  readonly paths: Pick<Paths, "store">;
  readonly signal: AbortSignal;
  readonly progress?: Progress;
}

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
