/**
 * The docker CLI's own configuration: read, never written.
 *
 * @module
 */

import { join } from "node:path";
import { parseJson } from "./json.ts";

/** The CLI's directory: DOCKER_CONFIG or `~/.docker`; `undefined` when neither is known. */
export function dockerConfigDirectory(
  env: Readonly<Record<string, string>>,
): string | undefined {
  if (env.DOCKER_CONFIG) return env.DOCKER_CONFIG;
  return env.HOME ? join(env.HOME, ".docker") : undefined;
}

/** The parsed config.json, or `undefined` when there is none that can be read. */
export async function readDockerConfig(
  env: Readonly<Record<string, string>>,
): Promise<unknown> {
  const directory = dockerConfigDirectory(env);
  return directory === undefined ? undefined : await readJsonFile(join(directory, "config.json"));
}

/** A parsed JSON file, or `undefined` when it is not there, not ours to read, or not JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return parseJson(await Deno.readTextFile(path));
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotADirectory
    ) return undefined;
    throw error;
  }
}
