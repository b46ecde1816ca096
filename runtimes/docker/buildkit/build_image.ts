/**
 * Builds images: with the engine's own BuildKit, with the one that BUILDKIT_HOST names, and only
 * where there is none, or it is switched off, with the engine's old builder. Every other failure is
 * an error: nothing falls back silently.
 *
 * @module
 */

import { MoatError } from "../../../core/errors.ts";
import type {
  BuildOptions,
  BuildResult,
  ImageBuild,
  Images,
  Progress,
} from "../../../core/plugin/runtime.ts";
import type { Engine } from "../engine.ts";
import { imagePath } from "../images.ts";
import { textAt } from "../json.ts";
import type { Connect } from "../wire/connection.ts";
import { buildFailure, failedLine } from "./build_failure.ts";
import { BuildReport } from "./build_report.ts";
import { buildClassic } from "./classic_build.ts";
import { contextTree } from "./context_tree.ts";
import type { OnSent } from "./file_sync.ts";
import { loadImage } from "./load_image.ts";
import { type Buildkit, reachEngine, reachRemote } from "./reach_buildkit.ts";
import { loadServices, type Services } from "./services.ts";
import { type Session, startSession } from "./session.ts";
import { isServiceError, solve } from "./solve.ts";

/** What a builder works with. */
export interface BuilderOptions {
  readonly engine: Engine;
  readonly connect: Connect;
  /** Environment of moat itself: BUILDKIT_HOST and MOAT_DISABLE_BUILDKIT are read. */
  readonly env: Readonly<Record<string, string>>;
  /** Called with the size of each piece of context that goes over; for tests. */
  readonly onSent?: OnSent;
}

/** Creates the `build` of an engine's images. Nothing is loaded before the first build. */
export function createBuilder(options: BuilderOptions): NonNullable<Images["build"]> {
  return async (build, buildOptions = {}) => {
    const { signal, progress } = buildOptions;
    signal?.throwIfAborted();
    const via = await buildSomewhere(build, { ...options, buildOptions, progress, signal });
    return { imageId: await readImageId(options.engine, build.tag, signal), via };
  };
}

interface Surroundings extends BuilderOptions {
  readonly buildOptions: BuildOptions;
  readonly progress: Progress | undefined;
  readonly signal: AbortSignal | undefined;
}

async function buildSomewhere(
  build: ImageBuild,
  surroundings: Surroundings,
): Promise<BuildResult["via"]> {
  const { env, connect, signal } = surroundings;
  if (isOn(env.MOAT_DISABLE_BUILDKIT)) {
    return await fallBack(build, surroundings, "MOAT_DISABLE_BUILDKIT is set");
  }
  const services = await loadServices();
  const host = env.BUILDKIT_HOST ?? "";
  const reached = host === ""
    ? await reachEngine(connect, { services, signal })
    : await reachRemote(host, { services, signal });
  if (reached === undefined) {
    return await fallBack(build, surroundings, "this engine has no BuildKit");
  }
  await using buildkit = reached;
  await buildWith(buildkit, build, { ...surroundings, services });
  return buildkit.via;
}

async function fallBack(
  build: ImageBuild,
  { engine, buildOptions, progress }: Surroundings,
  reason: string,
): Promise<"classic"> {
  progress?.done("builder", `Building with the engine's old builder: ${reason}`);
  await buildClassic(engine, build, buildOptions);
  return "classic";
}

async function buildWith(
  buildkit: Buildkit,
  build: ImageBuild,
  { services, engine, connect, onSent, buildOptions, progress, signal }: Surroundings & {
    readonly services: Services;
  },
): Promise<void> {
  const isRemote = buildkit.via === "buildkit-remote";
  const dockerfile = { Dockerfile: { content: build.dockerfile, mode: 0o644 } };
  const session = await startSession(services, {
    sharedKey: `moat-${build.digest}`,
    modTime: modTimeOf(build.digest),
    trees: { dockerfile: contextTree(dockerfile), context: contextTree(build.files) },
    ...(onSent === undefined ? {} : { onSent }),
    ...(isRemote ? { receive: (tar) => loadImage(tar, { engine, connect, signal }) } : {}),
  });
  using report = new BuildReport(build.tag, progress);
  const cutOff = new AbortController();
  // Without a session the build would wait for one; when it ends later, Solve says why.
  const serving = buildkit.attach(session).catch((error) => cutOff.abort(error));
  try {
    await solve({ services, client: buildkit.client }, {
      session: session.id,
      frontendAttributes: frontendAttributes(build, buildOptions),
      exporter: isRemote ? "docker" : "moby",
      exporterAttributes: { name: build.tag },
    }, {
      onStatus: (status) => report.apply(status),
      signal: signal === undefined ? cutOff.signal : AbortSignal.any([signal, cutOff.signal]),
    });
  } catch (error) {
    throw explain(error, { build, buildkit, session, report, services });
  } finally {
    await session[Symbol.asyncDispose]();
    await serving;
  }
}

function frontendAttributes(
  { labels }: ImageBuild,
  { noCache = false }: BuildOptions,
): Record<string, string> {
  const attributes: Record<string, string> = { filename: "Dockerfile" };
  for (const [key, value] of Object.entries(labels)) attributes[`label:${key}`] = value;
  // Empty: for all stages.
  if (noCache) attributes["no-cache"] = "";
  return attributes;
}

/**
 * A time that differs with the content, as BuildKit takes a file of equal size and time for the same
 * one. The second is fixed, for images keep the times of copied files.
 */
function modTimeOf(digest: string): bigint {
  const seconds = 946_684_800n;
  const hex = digest.replaceAll(/[^0-9a-f]/g, "").slice(0, 12);
  return seconds * 1_000_000_000n + BigInt(`0x0${hex}`) % 1_000_000_000n;
}

function explain(
  error: unknown,
  { build: { tag, dockerfile }, buildkit, session, report, services }: {
    readonly build: ImageBuild;
    readonly buildkit: Buildkit;
    readonly session: Session;
    readonly report: BuildReport;
    readonly services: Services;
  },
): unknown {
  if (!isServiceError(error)) return error;
  const own = session.failure();
  if (own instanceof MoatError) return own;
  if (error.code === services.grpc.status.UNAVAILABLE) {
    return new MoatError(`Cannot build image "${tag}": ${buildkit.name} went away`, {
      cause: error,
      hint: "moat doctor",
    });
  }
  return buildFailure({
    tag,
    dockerfile,
    reason: error.details,
    step: report.failedStep(),
    line: failedLine(error, services),
    cause: own,
  });
}

/** The build is over when the engine has the image under its tag. */
async function readImageId(
  engine: Engine,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { value } = await engine.call({
    method: "GET",
    path: `/images/${imagePath(tag)}/json`,
    doing: `find the built image "${tag}"`,
    signal,
  });
  return textAt(value, "Id") ?? "";
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
