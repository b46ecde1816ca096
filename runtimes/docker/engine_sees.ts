/**
 * Finds out once whether an engine sees this machine's files, with a file in the mounted directory.
 *
 * An engine on another machine would mount a directory of its own, or an empty one, under the
 * project's name. What was found is kept, as the answer costs up to 70 ms on older engines.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";

/** What the question needs besides the engine and the container. */
export interface EngineSeesOptions {
  readonly target: string;
  /** Where what was found is kept; empty: nothing is asked. */
  readonly stateDir: string;
  readonly signal: AbortSignal | undefined;
}

/** @throws MoatError when a created container's mount is not this machine's directory */
export async function ensureEngineSees(
  engine: Engine,
  spec: ContainerSpec,
  { target, stateDir, signal }: EngineSeesOptions,
): Promise<void> {
  const mount = spec.mounts.find(({ kind, readOnly }) => kind === "bind" && !readOnly);
  if (mount === undefined || stateDir === "") return;
  const stamp = join(stateDir, `sees-${encodeURIComponent(target)}`);
  if (await isFile(stamp)) return;
  const name = `.moat-probe-${crypto.randomUUID()}`;
  const file = join(mount.source, name);
  if (!await tryWrite(file)) return;
  try {
    const { status } = await engine.call({
      method: "HEAD",
      path: `/containers/${encodeURIComponent(spec.name)}/archive`,
      query: { path: `${mount.target}/${name}` },
      doing: `look into container "${spec.name}"`,
      accept: [404],
      signal,
    });
    if (status === 404) throw cannotSee(mount.source, target);
  } finally {
    await Deno.remove(file);
  }
  await Deno.mkdir(dirname(stamp), { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(stamp, "");
}

/** The error for an engine that runs elsewhere. */
export function cannotSee(path: string, target: string, cause?: unknown): MoatError {
  return new MoatError(
    `Cannot mount "${path}": the engine at ${target} does not see it, it runs on another machine`,
    { hint: "Use an engine on this machine, or share the directory with it", cause },
  );
}

/** False where nothing can be written: the engine is then taken at its word. */
async function tryWrite(file: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(file, "", { createNew: true });
    return true;
  } catch (error) {
    if (
      error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotADirectory
    ) {
      return false;
    }
    if (error instanceof Error && "code" in error && error.code === "EROFS") return false;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
