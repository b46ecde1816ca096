/**
 * Creates containers, runs and companions alike, and says what an engine's refusal means.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type {
  CallOptions,
  CompanionFile,
  CompanionSpec,
  ContainerSpec,
} from "../../core/plugin/runtime.ts";
import { GVISOR_RUNTIME } from "./container_body.ts";
import { type Engine, EngineError } from "./engine.ts";
import { cannotSee } from "./engine_sees.ts";
import { putFiles } from "./put_files.ts";
import { removeResource } from "./remove_resource.ts";

/** A loaded machine takes its time to make a root file system or to start a sandbox. */
export const SLOW_MS = 120_000;

/** What of a spec errors speak of. */
export type Described = Pick<ContainerSpec | CompanionSpec, "name" | "image">;

/** A container to create. */
export interface NewContainer extends Described {
  readonly body: Record<string, unknown>;
  readonly files: readonly CompanionFile[];
}

/** Options of {@linkcode createOnEngine}. */
export interface CreateOnEngineOptions extends CallOptions {
  readonly target: string;
  /** A last look at the created container; what it throws undoes the creation. */
  check?(): Promise<void>;
}

/** Creates the container. Leaves nothing when it throws or is aborted. */
export async function createOnEngine(
  engine: Engine,
  { name, image, body, files }: NewContainer,
  { signal, target, check }: CreateOnEngineOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const doing = `create container "${name}"`;
  try {
    // Not interruptible: an engine goes on creating when its caller leaves.
    await engine.call({
      method: "POST",
      path: "/containers/create",
      query: { name },
      body,
      doing,
      timeoutMs: SLOW_MS,
    });
    signal?.throwIfAborted();
    await putFiles(engine, name, files);
    await check?.();
    signal?.throwIfAborted();
  } catch (error) {
    // A conflict means that the name is another container's.
    if (!(error instanceof EngineError && error.status === 409)) {
      await removeResource(engine, { kind: "container", name });
    }
    throw error instanceof EngineError
      ? explainCreate(error, { name, image, doing, target })
      : error;
  }
}

/** What the engine meant by refusing to start. */
export function explainStart(error: EngineError, { name, image }: Described): MoatError {
  const doing = `start container "${name}"`;
  if (isRuntimeGone(error)) return gvisorGone(doing, error);
  if (/exec: "\/bin\/sh"|"\/bin\/sh": (stat|no such|executable)/.test(error.reason)) {
    return new MoatError(`Cannot ${doing}: image "${image}" has no /bin/sh`, {
      cause: error,
      hint: "Use a Debian-based base_image",
    });
  }
  return error;
}

function explainCreate(
  error: EngineError,
  { image, doing, target }: Described & { readonly doing: string; readonly target: string },
): MoatError {
  const missing = /bind source path does not exist: (.*)$/.exec(error.reason)?.[1];
  if (missing !== undefined) return cannotSee(missing, target, error);
  if (isRuntimeGone(error)) return gvisorGone(doing, error);
  if (error.status === 404 && image !== undefined) {
    return new MoatError(`Cannot ${doing}: image "${image}" is not on the engine`, {
      cause: error,
    });
  }
  return error;
}

/** The engine forgot the OCI runtime, or the program that it names is no longer there. */
function isRuntimeGone({ reason }: EngineError): boolean {
  return new RegExp(`unknown (or invalid )?runtime.*${GVISOR_RUNTIME}`, "i").test(reason) ||
    new RegExp(`${GVISOR_RUNTIME}"?: (executable file not found|.*no such file)`).test(reason);
}

function gvisorGone(doing: string, cause: EngineError): MoatError {
  return new MoatError(
    `Cannot ${doing}: the engine had gVisor (${GVISOR_RUNTIME}) when the run was planned, and has it no longer`,
    { cause, hint: "docker info --format '{{json .Runtimes}}'" },
  );
}
