/**
 * Decides the image of a run: a base as it is, or a Dockerfile, its context and its tag.
 *
 * Pure: the same dependencies in any order give the same plan, and everything that changes what is
 * in the image changes the tag. Ids of users are no part of it.
 *
 * @module
 */

import { MoatError, UsageError } from "../errors.ts";
import type { ContributionOf, DependencyEntry } from "../plugin/contribution.ts";
import type { ImagePlan } from "../run/plan.ts";
import { changesImage, type DockerfileParts, renderDockerfile } from "./dockerfile.ts";
import { gitConfigText, type GitIdentity } from "./git_identity.ts";
import { imageDigest, imageTag } from "./tag.ts";

/** The base of images with no language, or with several. */
export const DEFAULT_BASE = "debian:bookworm-slim";

/** A reference that can stand behind FROM as it is. */
const REFERENCE =
  /^[a-z0-9][a-z0-9._-]*(?::[0-9]+)?(?:\/[a-z0-9][a-z0-9._-]*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** Everything that an image depends on. */
export interface ImagePlanOptions {
  /** From {@linkcode contributionsOf}; any order. */
  readonly contributions: readonly ContributionOf[];
  readonly arch: "amd64" | "arm64";
  /** Text of the container's init, from `readInit()`. */
  readonly init: string;
  /** `base_image:` of moat.yaml, or what a dependency needs in its place. */
  readonly baseImage?: string;
  readonly hooks?: { readonly postBuildRoot?: string; readonly postBuild?: string };
  /** PEM text of extra authorities: `trust_host_ca: true`, from `readHostAuthorities()`. */
  readonly authorities?: string;
  /** Who commits; put in when `git` is among the dependencies. */
  readonly gitIdentity?: GitIdentity;
  /** @default false */
  readonly rebuild?: boolean;
}

/** The image of a run. @throws UsageError when `baseImage` is no reference */
export function imagePlan(options: ImagePlanOptions): ImagePlan {
  const { arch, init, baseImage, hooks = {}, authorities, gitIdentity, rebuild = false } = options;
  if (baseImage !== undefined) checkReference(baseImage);
  const sorted = options.contributions.toSorted((a, b) => compareEntries(a.entry, b.entry));
  refuseContradictions(sorted);
  const languages = sorted.filter(({ contribution }) => contribution.baseImage !== undefined);
  const sole = baseImage === undefined && languages.length === 1 ? languages[0] : undefined;
  const base = baseImage ?? sole?.contribution.baseImage ?? DEFAULT_BASE;
  const others = sorted.filter((one) => one !== sole);
  if (
    baseImage === undefined && authorities === undefined && Object.keys(hooks).length === 0 &&
    !others.some(({ contribution }) => changesImage(contribution))
  ) {
    return { kind: "base", ref: base };
  }
  const contributions = sole === undefined
    ? sorted
    : sorted.map((one) => one === sole ? withoutInstallation(one) : one);
  const hasGit = sorted.some(({ entry }) => entry.id === "git");
  const parts: DockerfileParts = {
    arch,
    base,
    contributions,
    init,
    hooks,
    ...(authorities === undefined ? {} : { authorities }),
    ...(hasGit ? { gitConfig: gitConfigText(gitIdentity) } : {}),
  };
  const { text, files } = renderDockerfile(parts);
  const digest = imageDigest(text, files);
  return { kind: "build", tag: imageTag(digest), base, dockerfile: text, files, digest, rebuild };
}

/** The Debian release of a base image, as far as its name says. */
export function suiteOf(baseImage: string | undefined): string {
  const named = /\b(bullseye|bookworm|trixie|forky)\b/.exec(baseImage ?? DEFAULT_BASE)?.[1];
  return named ?? "bookworm";
}

/** What stays of a language whose image is the base: its variables. */
function withoutInstallation({ entry, contribution }: ContributionOf): ContributionOf {
  const { apt: _apt, files: _files, layers = [], ...kept } = contribution;
  return {
    entry,
    contribution: { ...kept, layers: layers.filter(({ group }) => group !== "language") },
  };
}

function checkReference(reference: string): void {
  if (REFERENCE.test(reference)) return;
  throw new UsageError(`Cannot use base_image ${JSON.stringify(reference)}: it is no image name`, {
    hint: "Write base_image: debian:bookworm-slim",
  });
}

/** Two dependencies that set one variable differently would depend on their order. */
function refuseContradictions(contributions: readonly ContributionOf[]): void {
  const seen = new Map<string, { readonly value: string; readonly text: string }>();
  for (const { entry: { text }, contribution } of contributions) {
    for (const [name, value] of Object.entries(contribution.env ?? {})) {
      const first = seen.get(name);
      if (first !== undefined && first.value !== value) {
        throw new MoatError(
          `Cannot combine "${first.text}" with "${text}": both set ${name}`,
          { hint: `Remove one of "${first.text}" and "${text}"` },
        );
      }
      seen.set(name, { value, text });
    }
  }
}

function compareEntries(a: DependencyEntry, b: DependencyEntry): number {
  const [left, right] = [`${a.id} ${a.argument ?? ""}`, `${b.id} ${b.argument ?? ""}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
