/**
 * A sandbox's secret variables: kept in a file of mode 0600 in its private directory, for commands
 * that join it later, until the sandbox has ended.
 *
 * The command gets them through its process's environment, which the kernel shows to processes of
 * the same user alone.
 *
 * @module
 */

import { join } from "node:path";
import { readJson, type SandboxPaths, texts, writeJson } from "./sandbox_state.ts";

/** Keeps them; nothing happens without any. */
export async function writeSecretEnv(
  paths: SandboxPaths,
  secretEnv: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (Object.keys(secretEnv).length > 0) await writeJson(fileOf(paths), secretEnv);
}

/** What was kept; nothing where there is none. */
export async function readSecretEnv(
  paths: SandboxPaths,
): Promise<Readonly<Record<string, string>>> {
  return texts(await readJson(fileOf(paths)));
}

/** Forgets them. Idempotent. */
export async function removeSecretEnv(paths: SandboxPaths): Promise<void> {
  try {
    await Deno.remove(fileOf(paths));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function fileOf({ directory }: SandboxPaths): string {
  return join(directory, "secret_env.json");
}
